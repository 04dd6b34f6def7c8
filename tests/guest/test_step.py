# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu step` at a real terminal with a real guest, also when the guest ends badly."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES
from tests.guest.processes import gone
from tests.guest.user import User

TEXT = """\
description: x
steps:
  - enable
  - set_pte: {index: 0, value: 0x11}
  - interrupt: [flush, {set_pte: {index: 1, value: 0x22}}, flush]
  - enable: {before_hook: [flush]}
  - disable
  - check: {depth: 7}
  - disable
"""
_PROMPT = "(step) "

NewStepper = Callable[..., User]


def answer(user: User, line: str | None = None) -> str:
    """Type a line if one is given; return what is printed up to the next prompt."""
    if line is not None:
        user.terminal.sendline(line)
        # The terminal's echo.
        user.terminal.expect_exact("\n")
    user.terminal.expect_exact(_PROMPT)
    return str(user.terminal.before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a scenario, one of whose pins does not hold."""
    (tmp_path / "walked.yaml").write_text(TEXT)
    return tmp_path / "walked.yaml"


@pytest.fixture
def new_stepper(lazymmu: Lazymmu, tmp_path: Path, path: Path) -> Iterator[NewStepper]:
    """Return a function that starts `lazymmu step` at a terminal. The end of the test closes the terminal."""
    users: list[User] = []

    def start(arch: str, *flags: str, project: Lazymmu = lazymmu) -> User:
        users.append(User(project, tmp_path, "step", str(path), "--api", "merged", "--arch", arch, *flags))
        return users[-1]

    yield start
    for user in users:
        user.terminal.close(force=True)


@pytest.mark.parametrize(
    "arch", ["s390x", *(pytest.param(arch, marks=pytest.mark.exhaustive) for arch in ARCHES if arch != "s390x")]
)
def test_a_user_walks_through_a_case(new_stepper: NewStepper, arch: str) -> None:
    user = new_stepper(arch)
    assert "1/10  step 0 enable" in answer(user)
    qemu = user.qemu()
    assert "step 1 set_pte 0 17" in answer(user, "next")
    # The steps in the interrupt come before its end, and an empty line is `next`.
    assert "step 3 flush" in answer(user, "")
    in_interrupt = answer(user, "n")
    assert ("step 4 set_pte 1 34" in in_interrupt, "in step 2 interrupt" in in_interrupt) == (True, True)
    assert in_interrupt.count("0:0x11 1:0x22") == 2
    back = answer(user, "back")
    assert ("step 3 flush" in back, back.count("0:0x11"), "0x22" in back) == (True, 2, False)
    assert answer(user, "run set_pte: {index: 9, value: 0x5}").count("0:0x11 9:0x5") == 2
    assert "typed:1:9: there is no task `nobody` yet" in answer(user, "run switch: nobody")
    assert "there is no step 44" in answer(user, "until 44")
    assert "never reaches step 8 flush" in answer(user, "until 8")
    assert "this is the first step" in answer(user, "until 0") + answer(user, "b")
    assert user.qemu() == qemu
    difference = answer(user, "continue")
    assert ("step 10 check" in difference, "pinned          7" in difference) == (True, True)
    # After a difference another guest runs the next program.
    other = user.qemu()
    user.terminal.sendline("quit")
    assert user.end()[0] == 0
    assert gone([qemu, other])


def test_a_guest_that_dies_is_named_and_replaced(new_stepper: NewStepper) -> None:
    user = new_stepper("s390x", "--until", "1")
    assert "step 1 set_pte" in answer(user)
    first = user.qemu()
    os.kill(first, signal.SIGKILL)
    assert "QEMU exited" in answer(user, "next")
    # The walk stays where it was.
    assert "step 3 flush" in answer(user, "next")
    second = user.qemu()
    os.kill(user.lazymmu(), signal.SIGTERM)
    assert user.end()[0] == 130
    assert gone([first, second])


@pytest.mark.exhaustive
def test_a_guest_that_hangs_is_named(new_stepper: NewStepper, broken: Callable[..., Lazymmu]) -> None:
    user = new_stepper("s390x", project=broken(at_start_of("lmm_arch_flush", "for (;;)\n\t\tcpu_relax();")))
    assert "step 0 enable" in answer(user)
    assert "step 0 enable" in answer(user, "back") + answer(user, "until 0")
    hang = answer(user, "continue")
    assert ("the guest hangs" in hang, "lmm_arch_flush" in hang) == (True, True)
    assert "step 1 set_pte" in answer(user, "until 1")
    user.terminal.sendeof()
    assert user.end()[0] == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", ARCHES)
def test_a_walk_is_fast(new_stepper: NewStepper, arch: str) -> None:
    # It makes the snapshot and the caches warm.
    user = new_stepper(arch)
    answer(user)
    user.terminal.sendline("quit")
    user.end()
    starts = []
    for _ in range(3):
        begin = time.monotonic()
        user = new_stepper(arch)
        answer(user)
        starts.append(time.monotonic() - begin)
        if len(starts) < 3:
            user.terminal.sendline("quit")
            user.end()
    # The host may be busy at one of them.
    times = [min(starts)]
    for line in ("next", "next", "until 4", "run flush", "back"):
        begin = time.monotonic()
        answer(user, line)
        times.append(time.monotonic() - begin)
    first, *keys, back = times
    print(f"{arch}: first step {first:.2f} s, keys at most {max(keys):.2f} s, back {back:.2f} s")
    assert (first < 1.5, max(keys) < 0.3, back < 1) == (True, True, True), times
    user.terminal.sendline("quit")
    user.end()


def test_a_walk_is_printed_without_a_terminal(lazymmu: Lazymmu, path: Path) -> None:
    done = lazymmu("step", str(path), "--api", "merged", "--arch", "s390x", "--print")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"{path.with_suffix('')} merged on s390x: 10 steps run\n")
    assert [line.split("/")[0] for line in done.stdout.splitlines() if line[:1].isdigit()] == [
        str(n) for n in range(1, 11)
    ]
    assert "pinned          7" in done.stdout


def test_a_long_walk_is_printed_with_a_line_for_each_step(lazymmu: Lazymmu, tmp_path: Path) -> None:
    steps = "[repeat: {times: 150, steps: [enable, disable]}, check: {depth: 7}]"
    (tmp_path / "long.yaml").write_text(f"description: x\nsteps: {steps}\n")
    done = lazymmu("step", str(tmp_path / "long.yaml"), "--api", "merged", "--arch", "s390x", "--print")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[3:304]][-2:] == [["299", "disable"], ["300", "check"]]
    assert "301/301  step 300 check" in done.stdout
