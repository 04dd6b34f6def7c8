# SPDX-License-Identifier: GPL-2.0-only
"""What the guest tests share: the command line as a user runs it, and checkouts with a mistake in them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from lazymmu import Guest
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.support.project import ROOT

from tests.guest import machines
from tests.guest.checkouts import Edit, checkout_with


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as booting a guest."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.guest)


class Lazymmu:
    """The command line of one checkout."""

    def __init__(self, checkout: Path, output: Path) -> None:
        self._checkout = checkout
        self._output = output

    def command(self, *arguments: str) -> list[str]:
        """Return the command as the launcher would run it."""
        return [sys.executable, "-P", "-m", "lazymmu", *arguments]

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment that makes it this checkout's; results stay out of the user's state folder."""
        state = str(self._output / "state")
        return {**os.environ, "PYTHONPATH": str(self._checkout / "harness"), "XDG_STATE_HOME": state, **(extra or {})}

    def __call__(self, *arguments: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.environment(extra),
            cwd=self._checkout,
            check=False,
        )

    def run(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        """Run `lazymmu run` and return how it ended, with its JSON document."""
        path = self._output / "run.json"
        done = self("run", *arguments, "--json", str(path))
        return done, json.loads(path.read_text()) if path.exists() else {}


def skip_unless_resolved(document: dict[str, Any]) -> None:
    """Skip a test whose run lacks a kernel because apt refuses it."""
    for one in document.get("results", ()):
        if "does not resolve" in one["reason"]:
            pytest.skip(one["reason"])


@pytest.fixture
def lazymmu(tmp_path: Path) -> Lazymmu:
    """The command line of this checkout."""
    return Lazymmu(ROOT, tmp_path)


@pytest.fixture(scope="module", params=machines.ARCHES)
def line(request: pytest.FixtureRequest) -> Iterator[AgentConnection]:
    """A guest with the module loaded, for all tests of a file on one architecture."""
    with Guest(request.param) as guest:
        yield guest.connection


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., Lazymmu]:
    """Return a function that makes a checkout with edits (tests/guest/checkouts.py)."""

    def make(*edits: Edit) -> Lazymmu:
        return Lazymmu(checkout_with(edits, tmp_path / "checkout"), tmp_path)

    return make
