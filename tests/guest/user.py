# SPDX-License-Identifier: GPL-2.0-only
"""A user who runs a command of lazymmu in a real terminal."""

import re
import shlex
from pathlib import Path

import pexpect

from tests.guest.conftest import Lazymmu
from tests.guest.processes import wait_for_qemus

#: Limit of one expectation. On a busy host, a guest may first have to boot for its snapshot.
SECONDS = 240


class User:
    """A user at a terminal, whose login shell runs a command of lazymmu."""

    def __init__(self, lazymmu: Lazymmu, folder: Path, *words: str) -> None:
        self._lines = 0
        self._temporary = folder / "tmp"
        self._temporary.mkdir(exist_ok=True)
        command = shlex.join(lazymmu.command(*words))
        # The command's process group is in the foreground, as in a shell with job control.
        self.terminal: pexpect.spawn[str] = pexpect.spawn(
            "sh",
            ["-c", f"stty -g; {command}; echo status=$?; stty -g"],
            env=lazymmu.environment({"TMPDIR": str(self._temporary), "TERM": "xterm"}),
            cwd=str(folder),
            dimensions=(31, 97),
            timeout=SECONDS,
            encoding="utf-8",
            codec_errors="replace",
        )
        self.terminal.delaybeforesend = None
        self._settings = self._match(r"([0-9a-f:]+)\r\n")

    def _match(self, pattern: str) -> str:
        self.terminal.expect(pattern)
        assert isinstance(self.terminal.match, re.Match)
        return str(self.terminal.match[1])

    def prompt(self) -> str:
        """Wait for the guest's prompt; return the output before it."""
        self.terminal.expect_exact(" # ")
        return str(self.terminal.before)

    def types(self, text: str) -> str:
        """Type a line; return the output until it is done. The shell may draw its prompt again."""
        self._lines += 1
        self.terminal.sendline(f"{text}; echo done-{self._lines}")
        self.terminal.expect_exact(f"\ndone-{self._lines}\r\n")
        return str(self.terminal.before)

    def qemu(self) -> int:
        """Return the process id of the guest."""
        assert self.terminal.pid is not None
        (pid,) = wait_for_qemus(self.terminal.pid, 1).values()
        return pid

    def lazymmu(self) -> int:
        """Return the process id of the command."""
        (pid,) = Path(f"/proc/{self.terminal.pid}/task/{self.terminal.pid}/children").read_text().split()
        return int(pid)

    def end(self) -> tuple[int, str]:
        """Wait for the command's end; return its status and its last output.

        The terminal must be as before, and the temporary folder empty.
        """
        status, output = int(self._match(r"status=(\d+)\r\n")), str(self.terminal.before)
        assert self._match(r"([0-9a-f:]+)\r\n") == self._settings
        self.terminal.expect(pexpect.EOF)
        assert list(self._temporary.iterdir()) == []
        return status, output
