# SPDX-License-Identifier: GPL-2.0-only
"""gdb: its own tool root, which is fetched when it is needed first, and its process on the user's terminal."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lazymmu.provision import live, parts, sandbox, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.subprocesses import tethered
from lazymmu.support.errors import SetupError

_GDB = "gdb-multiarch"
# gdb interprets these keys: Ctrl-C stops the guest.
_KEYS = (signal.SIGINT, signal.SIGQUIT)


def obtain(cache: Cache, *, offline: bool) -> Sandbox:
    """Return the sandbox of a tool root with gdb, fetched first unless `offline`. Raises SetupError."""
    wanted = parts.host_debugger()
    live.obtain(cache, [parts.host_tools(), wanted], "debugger", offline=offline)
    part = tool_root.with_common(cache, wanted)
    if part is None:
        raise SetupError("the packages of gdb are not resolved")
    return sandbox.choose(tool_root.assemble(cache, part))


def run(gdb: Sandbox, arguments: Sequence[str], folders: Sequence[Path]) -> int:
    """Run gdb, which may read folders of the host; return its exit status."""
    terminal = f"TERM={os.environ.get('TERM', 'dumb')}"
    words = ["/usr/bin/env", terminal, _GDB, "-quiet", "-nx", *arguments]
    command = tethered(gdb.command(words, folders=dict.fromkeys(folders, False)))
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _KEYS}
    try:
        with subprocess.Popen(command) as process:
            try:
                return process.wait()
            finally:
                process.kill()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
