# SPDX-License-Identifier: GPL-2.0-only
"""The command `shell` through a real terminal and real guests: what a person at a prompt meets, in bad ends too."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest
from lazymmu.shell import files

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES
from tests.guest.processes import gone, wait_for_qemus

# A machine that also runs others may first have to boot a guest for its snapshot.
_SECONDS = 240


class Person:
    """Somebody at a terminal whose login shell runs `lazymmu shell`; `end` gives what that shell saw of it."""

    def __init__(self, lazymmu: Lazymmu, folder: Path, *arguments: str) -> None:
        self._lines = 0
        self._temporary = folder / "tmp"
        self._temporary.mkdir(exist_ok=True)
        command = shlex.join(lazymmu.command("shell", *arguments))
        # Its process group is in the foreground, as it is of a shell with job control.
        script = f"stty -g; {command}; echo status=$?; stty -g"
        self.terminal: pexpect.spawn[str] = pexpect.spawn(
            "sh",
            ["-c", script],
            env=lazymmu.environment({"TMPDIR": str(self._temporary), "TERM": "xterm"}),
            cwd=str(folder),
            dimensions=(31, 97),
            timeout=_SECONDS,
            encoding="utf-8",
            codec_errors="replace",
        )
        self.terminal.delaybeforesend = None
        self.terminal.expect(r"([0-9a-f:]+)\r\n")
        self._before = self._settings()

    def _settings(self) -> str:
        found = self.terminal.match
        assert isinstance(found, re.Match)
        return str(found[1])

    def prompt(self) -> str:
        """Wait for the guest's prompt, and return what came before it."""
        self.terminal.expect_exact(" # ")
        return str(self.terminal.before)

    def says(self, text: str) -> str:
        """Type a line, and return what came until it was done; prompts are drawn anew now and then."""
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
        """Return the process id of the command itself."""
        (pid,) = Path(f"/proc/{self.terminal.pid}/task/{self.terminal.pid}/children").read_text().split()
        return int(pid)

    def end(self) -> tuple[int, str]:
        """Wait for the command's end; return its status and what it said last.

        The terminal is as it was, and nothing is left in the temporary folder.
        """
        self.terminal.expect(r"status=(\d+)\r\n")
        status, said = int(self._settings()), str(self.terminal.before)
        self.terminal.expect(r"([0-9a-f:]+)\r\n")
        assert self._settings() == self._before
        self.terminal.expect(pexpect.EOF)
        assert list(self._temporary.iterdir()) == []
        return status, said


@pytest.fixture
def person(lazymmu: Lazymmu, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Return a function that seats somebody at a terminal; who is still there at the end is sent away."""
    seated: list[Person] = []

    def seat(*arguments: str, command: Lazymmu = lazymmu) -> Person:
        seated.append(Person(command, tmp_path, *arguments))
        return seated[-1]

    yield seat
    for one in seated:
        one.terminal.close(force=True)


@contextmanager
def open_shell(person: Callable[..., Person], *flags: str) -> Iterator[tuple[Person, int]]:
    """Yield somebody at a prompt with the guest's process, which is gone behind the `with`."""
    someone = person("arm64", *flags)
    someone.prompt()
    qemu = someone.qemu()
    yield someone, qemu
    assert gone([qemu])


@pytest.mark.parametrize(
    ("arch", "transport"),
    [
        ("s390x", "serial"),
        pytest.param("arm64", "ssh", marks=pytest.mark.exhaustive),
        *(pytest.param(arch, "serial", marks=pytest.mark.exhaustive) for arch in ARCHES if arch != "s390x"),
    ],
)
def test_a_prompt_with_a_terminal_interrupts_and_scenarios(
    person: Callable[..., Person], arch: str, transport: str
) -> None:
    someone = person(arch, "--transport", transport)
    assert f"{arch}, Linux " in someone.prompt()
    qemu = someone.qemu()
    assert "31 97" in someone.says("stty size")
    someone.terminal.setwinsize(44, 99)
    # The size goes ahead of what is typed later.
    assert "44 99" in someone.says("while [ \"$(stty size)\" != '44 99' ]; do :; done; stty size")
    # Line editing: the last letter is taken back.
    assert "\nright\r" in someone.says("echo rightx\x7f")
    # Said by the command itself: a shell that is about to start one forgets the interrupt.
    someone.terminal.sendline("sh -c 'echo begun; exec sleep 1000'")
    someone.terminal.expect("\nbegun\r")
    someone.terminal.sendcontrol("c")
    # What is typed ahead of a prompt goes with what was interrupted.
    someone.prompt()
    assert "\nstatus 130\r" in someone.says("echo status $?")
    told = someone.says("run-scenario nesting/two-levels; echo status $?")
    assert told.count("as predicted") == 2 and "status 0" in told
    assert "run 1 " not in told
    assert "nesting/two-levels merged" in someone.says("lazymmu-log")
    # A prompt that is left is no failure, whatever came last.
    someone.prompt()
    someone.terminal.sendline("false")
    # Between two prompts the key would mean something else.
    someone.prompt()
    someone.terminal.sendcontrol("d")
    assert someone.end()[0] == 0
    assert gone([qemu])


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        None,
        *(pytest.param(rest, marks=pytest.mark.exhaustive) for rest in (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_whoever_ends_it_from_outside_gets_the_terminal_back(
    person: Callable[..., Person], number: signal.Signals | None
) -> None:
    with open_shell(person) as (someone, _):
        someone.terminal.sendline("echo begun; cat /dev/zero >/dev/null")
        someone.terminal.expect("\nbegun\r")
        if number is None:
            someone.terminal.sendcontrol("]")
        else:
            os.kill(someone.lazymmu(), number)
        assert someone.end()[0] == 130


@pytest.mark.parametrize("transport", ["serial", "ssh"])
def test_a_guest_that_panics_gives_the_terminal_back_and_tells_why(
    person: Callable[..., Person], transport: str
) -> None:
    with open_shell(person, "--transport", transport) as (someone, _):
        # As an editor leaves it that is on the other screen, without a cursor.
        someone.terminal.sendline(r"printf '\033[?1049h\033[?25l'")
        # A guest that dies takes with it what it has not sent yet.
        someone.terminal.expect_exact("\x1b[?25l")
        someone.terminal.sendline("echo c >/proc/sysrq-trigger")
        status, said = someone.end()
    assert status == 3
    assert "kernel panic: sysrq triggered crash" in said
    assert "last console lines" in said
    assert "\x1b[?1049l" in said and "\x1b[?25h" in said


def test_a_qemu_that_is_killed_gives_the_terminal_back(person: Callable[..., Person]) -> None:
    with open_shell(person) as (someone, qemu):
        os.kill(qemu, signal.SIGKILL)
        status, said = someone.end()
    assert status == 3
    assert "arm64: QEMU exited with status" in said


def piped(lazymmu: Lazymmu, *arguments: str, given: bytes = b"", cwd: Path | None = None) -> Any:
    """Run the command as a script does: its streams are pipes."""
    return subprocess.run(
        lazymmu.command("shell", *arguments),
        input=given,
        capture_output=True,
        env=lazymmu.environment(),
        cwd=cwd,
        check=False,
        timeout=_SECONDS,
    )


@pytest.mark.parametrize("transport", ["serial", "ssh"])
def test_a_command_has_its_streams_and_its_status(lazymmu: Lazymmu, transport: str) -> None:
    given = os.urandom(1_000_000)
    done = piped(lazymmu, "arm64", "--transport", transport, "--", "sh", "-c", "cat; tty >&2; exit 7", given=given)
    assert (done.returncode, done.stdout == given, done.stderr) == (7, True, b"not a tty\n")


def test_a_command_that_does_not_exist_and_one_that_is_killed_end_as_in_a_shell(lazymmu: Lazymmu) -> None:
    done = piped(lazymmu, "arm64", "--", "no such program", "--json")
    assert (done.returncode, done.stderr) == (127, b"no such program: No such file or directory\n")
    # Without a command the guest's shell reads what is given; a word is one word, whatever is in it.
    done = piped(lazymmu, "arm64", given=b"printf '<%s>' 'a  b'\nkill -9 $$\n")
    assert (done.returncode, done.stdout) == (137, b"<a  b>")


def test_files_go_in_and_come_out_as_they_were_and_replace_none(lazymmu: Lazymmu, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "a b").write_bytes(content)
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\nls -l /root; cp "a b" /tmp/out\n')
    script.chmod(0o755)
    flags = ("--push", str(tmp_path / "a b"), "--push", str(script), "--pull", "/tmp/out")  # noqa: S108
    done = piped(lazymmu, "arm64", *flags, "--", "./script", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out").read_bytes() == content
    # It is here now; and the guest has no file of the other name.
    (tmp_path / "out").write_bytes(b"mine")
    done = piped(lazymmu, "arm64", *flags, "--", "./script", cwd=tmp_path)
    assert done.returncode == 2 and b"`out` exists" in done.stderr
    assert (tmp_path / "out").read_bytes() == b"mine"
    done = piped(lazymmu, "arm64", "--pull", "nothing", "--", "true", cwd=tmp_path)
    assert done.returncode == 3 and f"the guest could not read {files.HOME}/nothing".encode() in done.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_scenario_that_differs_from_the_model_is_shown_where(broken: Callable[..., Lazymmu]) -> None:
    wrong = broken(at_start_of("lmm_arch_flush", "return;"))
    done = piped(wrong, "s390x", "--", "run-scenario", "nesting/flush-anywhere", "--api", "merged")
    assert done.returncode == 1, done.stdout + done.stderr
    assert b"DIFFERS from the model, first here:" in done.stdout
    predicted = re.search(rb"predicted: run \d+ (step \d+ flush) .* hooks=f ", done.stdout)
    assert predicted
    assert re.search(rb"observed:  run \d+ " + predicted[1] + rb" .* hooks=- ", done.stdout)


def test_what_does_not_exist_in_the_library_is_told(lazymmu: Lazymmu) -> None:
    script = (
        "run-scenario no/such; echo $?; run-scenario nesting/single --api nope; echo $?; run-scenario --list; ls /tmp"
    )
    done = piped(lazymmu, "arm64", "--", "sh", "-c", script)
    assert done.stdout.startswith(b"2\n2\n")
    # It leaves nothing in the guest either.
    assert b"\nwrap/pause-and-back\n" in done.stdout
    assert b"no scenario no/such of amended merged\n" in done.stderr and b"nesting/single of nope\n" in done.stderr


@pytest.mark.exhaustive
def test_an_edited_library_is_in_the_next_guest_and_then_in_a_snapshot(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    edited = broken()
    single = tmp_path / "checkout" / "scenarios" / "nesting" / "single.yaml"
    # No earlier run of this test had that name.
    name = f"renamed-{secrets.token_hex(8)}"
    single.rename(single.with_name(f"{name}.yaml"))
    told = [piped(edited, "arm64", "--", "run-scenario", "--list") for _ in range(3)]
    for done in told:
        assert f"\nnesting/{name}\n".encode() in done.stdout and b"\nnesting/single\n" not in done.stdout
    # What one run has built, the next one saves.
    said = [b"loading the module, for a snapshot" in done.stderr for done in told]
    assert (said, told[2].stderr) == ([False, True, False], b"")


@pytest.mark.exhaustive
def test_arguments_for_the_kernel_and_for_qemu(lazymmu: Lazymmu) -> None:
    kernel = ("--kernel-arg", "lazymmu_test=a,b", "--kernel-arg", "another")
    for _ in range(2):
        done = piped(lazymmu, "arm64", *kernel, "--", "cat", "/proc/cmdline")
        assert done.returncode == 0 and done.stdout.endswith(b" lazymmu_test=a,b another\n")
    # The second was restored; others do not have them.
    assert b"booting" not in done.stderr
    facts = ("sh", "-c", "ls /sys/bus/virtio/devices | wc -l; cat /proc/cmdline")
    plain = piped(lazymmu, "arm64", "--", *facts)
    more = piped(lazymmu, "arm64", "--qemu-arg", "-device virtio-rng-pci", "--", *facts)
    assert b"lazymmu_test" not in plain.stdout
    assert int(more.stdout.split()[0]) == int(plain.stdout.split()[0]) + 1
    assert b"arm64: booting\n" in more.stderr
    done = piped(lazymmu, "arm64", "--qemu-arg=-nonsense", "--", "true")
    assert done.returncode == 3 and b"-nonsense: invalid option" in done.stderr
