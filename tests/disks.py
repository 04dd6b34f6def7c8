# SPDX-License-Identifier: GPL-2.0-only
"""Runs commands where a folder is a small disk or cannot be written; a host that forbids that skips the test."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

_SMALL = 'mount -t tmpfs -o "size=$1" none "$2" && shift 2 && exec "$@"'
_READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
_REPLACED = """
other=$1
while shift && [ "$1" != -- ]; do mount --bind "$other" "$1" || exit; done
shift && exec "$@"
"""


def _in_namespace(script: str, *arguments: str) -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--mount", "sh", "-c", script, "sh", *arguments]
    done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mounts are forbidden here: {done.stderr.strip()}")
    return command


def small(folder: Path, size: str) -> list[str]:
    """Return the start of a command line for which a folder is an empty disk of so many bytes (`1m`)."""
    return _in_namespace(_SMALL, size, str(folder))


def read_only(folder: Path) -> list[str]:
    """Return the start of a command line for which a folder cannot be written, not even by root."""
    return _in_namespace(_READ_ONLY, str(folder))


def without_privileges() -> Sequence[str]:
    """Return the start of a command line for which modes count, even for root."""
    if os.geteuid() != 0:
        return ["env"]
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--"]


def replaced(other: Path, *files: Path) -> list[str]:
    """Return the start of a command line for which another file is in the place of these files."""
    return _in_namespace(_REPLACED, str(other), *map(str, files), "--")
