# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu shell` through a real terminal and real guests, also when it ends badly."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lazymmu.shell import files

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES
from tests.guest.processes import gone
from tests.guest.user import SECONDS, User
from tests.headers import MERGED, NESTED_FLUSH

NewUser = Callable[..., User]


@pytest.fixture
def new_user(lazymmu: Lazymmu, tmp_path: Path) -> Iterator[NewUser]:
    """Return a function that starts `lazymmu shell` at a terminal. The end of the test closes the terminal."""
    users: list[User] = []

    def start(*arguments: str) -> User:
        users.append(User(lazymmu, tmp_path, "shell", *arguments))
        return users[-1]

    yield start
    for user in users:
        user.terminal.close(force=True)


@contextmanager
def at_prompt(new_user: NewUser, *flags: str) -> Iterator[tuple[User, int]]:
    """Yield a user at a prompt, and the guest's process, which must be gone afterwards."""
    user = new_user("arm64", *flags)
    user.prompt()
    qemu = user.qemu()
    yield user, qemu
    assert gone([qemu])


@pytest.mark.parametrize(
    ("arch", "transport"),
    [
        ("s390x", "serial"),
        pytest.param("arm64", "ssh", marks=pytest.mark.exhaustive),
        *(pytest.param(arch, "serial", marks=pytest.mark.exhaustive) for arch in ARCHES if arch != "s390x"),
    ],
)
def test_a_prompt_has_a_terminal_interrupts_and_scenarios(new_user: NewUser, arch: str, transport: str) -> None:
    user = new_user(arch, "--transport", transport)
    assert f"{arch}, Linux " in user.prompt()
    qemu = user.qemu()
    assert "31 97" in user.types("stty size")
    user.terminal.setwinsize(44, 99)
    # The size arrives before what is typed later.
    assert "44 99" in user.types("while [ \"$(stty size)\" != '44 99' ]; do :; done; stty size")
    # Line editing removes the last letter.
    assert "\nright\r" in user.types("echo rightx\x7f")
    # The command itself says that it runs: a shell that is about to start one forgets the interrupt.
    user.terminal.sendline("sh -c 'echo begun; exec sleep 1000'")
    user.terminal.expect("\nbegun\r")
    user.terminal.sendcontrol("c")
    # The interrupt discards what is typed before the next prompt.
    user.prompt()
    assert "\nstatus 130\r" in user.types("echo status $?")
    output = user.types("run-scenario nesting/two-levels; echo status $?")
    assert output.count("as predicted") == 2 and "status 0" in output
    assert "run 1 " not in output
    assert "nesting/two-levels merged" in user.types("lazymmu-log")
    # A prompt ends with 0, whatever the last command was.
    user.prompt()
    user.terminal.sendline("false")
    # Before the prompt, the key would end the input of `false`.
    user.prompt()
    user.terminal.sendcontrol("d")
    assert user.end()[0] == 0
    assert gone([qemu])


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        None,
        *(pytest.param(rest, marks=pytest.mark.exhaustive) for rest in (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_the_terminal_is_restored_after_a_signal_and_ctrl_bracket(
    new_user: NewUser, number: signal.Signals | None
) -> None:
    with at_prompt(new_user) as (user, _):
        user.terminal.sendline("echo begun; cat /dev/zero >/dev/null")
        user.terminal.expect("\nbegun\r")
        if number is None:
            user.terminal.sendcontrol("]")
        else:
            os.kill(user.lazymmu(), number)
        assert user.end()[0] == 130


@pytest.mark.parametrize("transport", ["serial", pytest.param("ssh", marks=pytest.mark.exhaustive)])
def test_the_terminal_is_restored_and_the_cause_named_after_a_panic(new_user: NewUser, transport: str) -> None:
    with at_prompt(new_user, "--transport", transport) as (user, _):
        # An editor uses the alternate screen without a cursor.
        user.terminal.sendline(r"printf '\033[?1049h\033[?25l'")
        # A guest that dies loses what it has not sent yet.
        user.terminal.expect_exact("\x1b[?25l")
        user.terminal.sendline("echo c >/proc/sysrq-trigger")
        status, output = user.end()
    assert status == 3
    assert "kernel panic: sysrq triggered crash" in output
    assert "last console lines" in output
    assert "\x1b[?1049l" in output and "\x1b[?25h" in output


def test_the_terminal_is_restored_after_qemu_was_killed(new_user: NewUser) -> None:
    with at_prompt(new_user) as (user, qemu):
        os.kill(qemu, signal.SIGKILL)
        status, output = user.end()
    assert status == 3
    assert "arm64: QEMU exited with status" in output


def piped(lazymmu: Lazymmu, *arguments: str, given: bytes = b"", cwd: Path | None = None) -> Any:
    """Run the command with pipes, as a script does."""
    return subprocess.run(
        lazymmu.command("shell", *arguments),
        input=given,
        capture_output=True,
        env=lazymmu.environment(),
        cwd=cwd,
        check=False,
        timeout=SECONDS,
    )


@pytest.mark.parametrize("transport", ["serial", "ssh"])
def test_a_command_has_its_streams_and_its_status(lazymmu: Lazymmu, transport: str) -> None:
    given = os.urandom(1_000_000)
    done = piped(lazymmu, "arm64", "--transport", transport, "--", "sh", "-c", "cat; tty >&2; exit 7", given=given)
    assert (done.returncode, done.stdout == given) == (7, True)
    # A first guest has to save its snapshot, which is announced.
    assert done.stderr.endswith(b"not a tty\n")


def test_a_missing_command_and_a_killed_one_have_the_status_of_a_shell(lazymmu: Lazymmu) -> None:
    done = piped(lazymmu, "arm64", "--", "no such program", "--json")
    assert done.returncode == 127
    assert done.stderr.endswith(b"no such program: No such file or directory\n")
    # Without a command, the guest's shell reads standard input. A word stays one word, whatever is in it.
    done = piped(lazymmu, "arm64", given=b"printf '<%s>' 'a  b'\nkill -9 $$\n")
    assert (done.returncode, done.stdout) == (137, b"<a  b>")


def test_a_command_has_no_input_if_standard_input_is_closed(lazymmu: Lazymmu) -> None:
    command = ["sh", "-c", 'exec "$@" <&-', "sh", *lazymmu.command("shell", "arm64", "--", "cat")]
    done = subprocess.run(command, env=lazymmu.environment(), check=False, timeout=SECONDS)
    assert done.returncode == 0


def test_files_are_copied_unchanged_and_replace_none(lazymmu: Lazymmu, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "a b").write_bytes(content)
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\nls -l /root; cp "a b" /tmp/out\n')
    script.chmod(0o755)
    flags = ("--push", str(tmp_path / "a b"), "--push", str(script), "--pull", "/tmp/out")  # noqa: S108
    done = piped(lazymmu, "arm64", *flags, "--", "./script", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == content
    # The host has the file now.
    (tmp_path / "out").write_bytes(b"mine")
    done = piped(lazymmu, "arm64", *flags, "--", "./script", cwd=tmp_path)
    assert done.returncode == 2 and b"`out` exists" in done.stderr
    assert (tmp_path / "out").read_bytes() == b"mine"
    # The guest does not have this one.
    done = piped(lazymmu, "arm64", "--pull", "nothing", "--", "true", cwd=tmp_path)
    assert done.returncode == 3 and f"the guest could not read {files.HOME}/nothing".encode() in done.stderr
    assert not (tmp_path / "nothing").exists()


def test_run_scenario_shows_the_first_difference_from_the_model(broken: Callable[..., Lazymmu]) -> None:
    wrong = broken(at_start_of("lmm_arch_flush", "return;"))
    done = piped(wrong, "s390x", "--", "run-scenario", "nesting/flush-anywhere", "--api", "merged")
    assert done.returncode == 1, done.stdout + done.stderr
    assert b"DIFFERS from the model, first here:" in done.stdout
    predicted = re.search(rb"predicted: run \d+ (step \d+ flush) .* hooks=f ", done.stdout)
    assert predicted
    assert re.search(rb"observed:  run \d+ " + predicted[1] + rb" .* hooks=- ", done.stdout)


@pytest.mark.exhaustive
def test_run_scenario_refuses_what_the_library_does_not_have(lazymmu: Lazymmu) -> None:
    script = (
        "run-scenario no/such; echo $?; run-scenario nesting/single --api nope; echo $?; run-scenario --list; ls /tmp"
    )
    done = piped(lazymmu, "arm64", "--", "sh", "-c", script)
    assert done.stdout.startswith(b"2\n2\n")
    # /tmp is empty, so a scenario is listed last.
    assert done.stdout.splitlines()[-1].startswith(b"wrap/")
    assert b"no scenario no/such of amended merged\n" in done.stderr and b"nesting/single of nope\n" in done.stderr


def test_run_scenario_runs_the_users_own_file_on_the_users_own_header(lazymmu: Lazymmu, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "description: x\nvary: {n: [1, 2]}\n"
        "steps: [{repeat: {times: $n, steps: [enable]}}, {repeat: {times: $n, steps: [disable]}}]\n"
    )
    (tmp_path / "my.h").write_text(MERGED.replace(NESTED_FLUSH, ""))
    script = "run-scenario mine.yaml; echo $?; run-scenario nesting/single; echo $?"
    flags = ("arm64", "--scenario", "mine.yaml", "--header", "my.h")
    done = piped(lazymmu, *flags, "--", "sh", "-c", script, cwd=tmp_path)
    lines = done.stdout.decode().splitlines()
    first, second = (lines.index(f"mine[n={n}] merged") for n in (1, 2))
    assert "    as predicted" in lines[first:second]
    # The text does not flush when an inner section ends.
    at = lines.index("    DIFFERS from the model, first here:")
    assert at > second
    assert " hooks=f " in lines[at + 1] and " hooks=- " in lines[at + 2]
    assert [line for line in lines if line in ("0", "1")] == ["1", "0"]


@pytest.mark.exhaustive
def test_an_edited_library_is_in_the_next_guest_and_then_in_a_snapshot(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    edited = broken()
    single = tmp_path / "checkout" / "scenarios" / "nesting" / "single.yaml"
    # No earlier run of this test used this name.
    name = f"renamed-{secrets.token_hex(8)}"
    single.rename(single.with_name(f"{name}.yaml"))
    runs = [piped(edited, "arm64", "--", "run-scenario", "--list") for _ in range(3)]
    for done in runs:
        assert f"\nnesting/{name}\n".encode() in done.stdout and b"\nnesting/single\n" not in done.stdout
    # The first run builds it, the second one saves it.
    saved = [b"loading the module, for a snapshot" in done.stderr for done in runs]
    assert (saved, runs[2].stderr) == ([False, True, False], b"")


@pytest.mark.exhaustive
def test_arguments_reach_the_kernel_and_qemu(lazymmu: Lazymmu) -> None:
    kernel = ("--kernel-arg", "lazymmu_test=a,b", "--kernel-arg", "another")
    for _ in range(2):
        done = piped(lazymmu, "arm64", *kernel, "--", "cat", "/proc/cmdline")
        assert done.returncode == 0 and done.stdout.endswith(b" lazymmu_test=a,b another\n")
    # The second guest was restored.
    assert b"booting" not in done.stderr
    facts = ("sh", "-c", "ls /sys/bus/virtio/devices | wc -l; cat /proc/cmdline")
    plain = piped(lazymmu, "arm64", "--", *facts)
    more = piped(lazymmu, "arm64", "--qemu-arg", "-device virtio-rng-pci", "--", *facts)
    assert b"lazymmu_test" not in plain.stdout
    assert int(more.stdout.split()[0]) == int(plain.stdout.split()[0]) + 1
    assert b"arm64: booting\n" in more.stderr
    done = piped(lazymmu, "arm64", "--qemu-arg=-nonsense", "--", "true")
    assert done.returncode == 3 and b"-nonsense: invalid option" in done.stderr
