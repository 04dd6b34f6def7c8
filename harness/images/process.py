# SPDX-License-Identifier: GPL-2.0-only
"""Runs one tool of the host to its end; a tool that fails or is missing becomes a SetupError that says what to do."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from harness.core.errors import SetupError

#: Debian package of each host tool that the harness calls.
PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "bwrap": "bubblewrap",
    "apt-get": "apt",
    "apt-cache": "apt",
    "dpkg-deb": "dpkg",
}

_LAST_LINES = 15


def run(argv: Sequence[str], *, what: str, env: Mapping[str, str] | None = None, hint: str | None = None) -> str:
    """Run a program and return its standard output.

    `env` is added to this process's environment. Raises SetupError, which names `what` was being done, the
    command and its last lines, when it cannot be started or exits with another status than 0.
    """
    if shutil.which(argv[0]) is None:
        package = PACKAGES.get(argv[0], argv[0])
        raise SetupError(f"{what}: `{argv[0]}` is not installed", hint=f"apt-get install {package}   (as root)")
    try:
        done = subprocess.run(
            # The tool must not outlive us: nobody would wait for what it writes.
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(
            f"{what}: `setpriv` is not installed", hint="apt-get install util-linux   (as root)"
        ) from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        lines = (output + done.stderr.decode(errors="replace")).splitlines()
        raise SetupError(
            f"{what}: `{argv[0]}` ended with status {done.returncode}\n"
            + "\n".join(f"    {line}" for line in lines[-_LAST_LINES:])
            + f"\n  command: {shlex.join(argv)}",
            hint=hint,
        )
    return output
