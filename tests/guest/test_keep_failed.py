# SPDX-License-Identifier: GPL-2.0-only
"""`run --keep-failed` saves the guest in which a case failed, where it fails, and `--from` enters it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from lazymmu.architecture import architectures
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.saved_guest import CORE, SavedGuest
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import default_root
from lazymmu.provision.progress import Progress
from lazymmu.support import disk
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import SetupError

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES
from tests.guest.test_hangs import SPIN

# The pin of the step in the interrupt is wrong.
WRONG_PIN = """\
description: x
steps:
  - enable
  - set_pte: {index: 3, value: 0x11}
  - interrupt: [flush, {get_pte: {index: 3, expect: 0x12}}]
  - disable
"""
# Where drgn can read the memory of a guest.
DRGN = ("arm64", "s390x", "x86_64")
WRONG_END = "description: x\nsteps: [enable, disable]\nexpect: {hooks: e}\n"
FLUSH = "description: x\nsteps: [enable, flush, disable]\n"
LOOK = 'printf "begun %u of %u in %s\\n", steps_begun, run->program.nr_steps, run->task->name\n'


def keep(lazymmu: Lazymmu, tmp_path: Path, arch: str, text: str, *flags: str) -> tuple[Path, list[dict[str, Any]]]:
    """Run a scenario that fails; return the results folder, and what it says of saved guests."""
    out, given = tmp_path / "out", tmp_path / "given.yaml"
    given.write_text(text)
    done = lazymmu("run", str(given), "--api", "merged", "--arch", arch, "--keep-failed", "--out", str(out), *flags)
    assert done.returncode in (1, 3), done.stdout + done.stderr
    kept = json.loads((out / "run.json").read_text())["kept"]
    assert all(
        (f"kept: {one['label']}: {one['where']}; lazymmu gdb --from" in done.stdout) == bool(one["guest"])
        for one in kept
    )
    return out, kept


def gdb(lazymmu: Lazymmu, tmp_path: Path, out: Path, commands: str) -> str:
    """Run commands in `gdb --from`; return their output."""
    script = tmp_path / "look.gdb"
    script.write_text(commands)
    done = lazymmu("gdb", "--from", str(out), "--gdb-command", str(script))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arch",
    ["s390x", *(pytest.param(arch, marks=pytest.mark.exhaustive) for arch in architectures() if arch != "s390x")],
)
def test_the_guest_is_saved_before_the_first_difference_also_in_an_interrupt(
    lazymmu: Lazymmu, tmp_path: Path, arch: str
) -> None:
    out, (one,) = keep(lazymmu, tmp_path, arch, WRONG_PIN, "--core")
    assert one["where"].startswith("before step 4 get_pte (")
    done = lazymmu("shell", "--from", str(out), "--", "lazymmu-log")
    assert (done.returncode, "run 1 step 4 get_pte" in done.stdout) == (0, True), done
    # The guest can be entered again and again.
    shown = gdb(lazymmu, tmp_path, out, LOOK)
    assert "begun 5 of 6 in main" in shown
    # The function of the step, by the personality.
    assert re.search(r"^#?\d* *\w+ \(run=0x", shown, re.MULTILINE), shown

    core = default_root() / one["core"]
    with core.open("rb") as file:
        assert ELFFile(file)["e_type"] == "ET_CORE"
    # Empty pages take no space.
    assert core.stat().st_blocks * 512 < core.stat().st_size
    refuses_a_core_on_a_full_disk(core.parent)
    run_and_steps = "print(run.program.nr_steps.value_(), prog['steps_begun'].value_())"
    done = lazymmu("drgn", str(out), "-c", run_and_steps)
    if arch in DRGN:
        assert (done.returncode, done.stdout) == (0, "6 5\n"), done.stderr
        assert "no stacks: the kernel" in done.stderr
        # Where that is 320 MB.
        if arch == "arm64":
            shows_the_stack_through_the_interrupt(lazymmu, out)
    else:
        assert done.returncode == 0 or (done.returncode == 3 and "drgn cannot open" in done.stderr), done.stderr


def shows_the_stack_through_the_interrupt(lazymmu: Lazymmu, out: Path) -> None:
    """See that drgn shows where the task of the module is, with the debug information of Debian's kernel."""
    task = "from drgn.helpers.linux.pid import for_each_task as all\n"
    task += "for t in all(prog):\n if t.comm.string_() == b'lazymmu/1': print(prog.stack_trace(t))"
    done = lazymmu("drgn", str(out), "--debug-info", "-c", task)
    names = r".*".join(("run_step ", "interrupt_block ", "irq_work_run ", "lmm_context_interrupt ", "kthread "))
    for text in (done.stdout, done.stderr):
        assert re.search(names, text, re.DOTALL), done.stderr + done.stdout


def refuses_a_core_on_a_full_disk(folder: Path) -> None:
    """Remove the core in a folder, and see that another one is refused before the guest starts."""
    (folder / CORE).unlink()
    before = sorted(folder.iterdir())
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SetupError, match=r"about \d+ MB are needed, 1 MB are free"),
    ):
        patch.setattr(disk, "free", lambda _: 1_000_000)
        SavedGuest.read(folder).core(folder, Cache(default_root(), Progress()), RunningGuests(), Deadline.after(60))
    assert sorted(folder.iterdir()) == before


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", ARCHES)
def test_a_guest_whose_end_differs_is_saved_when_all_its_steps_have_ended(
    lazymmu: Lazymmu, tmp_path: Path, arch: str
) -> None:
    out, (one,) = keep(lazymmu, tmp_path, arch, WRONG_END)
    assert one["where"] == "at its end"
    assert "begun 2 of 2 in main" in gdb(lazymmu, tmp_path, out, f"frame function run_program\n{LOOK}")


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", [*ARCHES, "x86_64-xen"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (SPIN, "the guest hangs: CPU 0 spins in lmm_arch_flush"),
        ('panic("of a test");', "the guest died: kernel panic: of a test"),
    ],
)
def test_a_guest_that_hangs_or_panics_is_saved_as_it_is(
    broken: Callable[..., Lazymmu], tmp_path: Path, arch: str, code: str, words: str
) -> None:
    lazymmu = broken(at_start_of("lmm_arch_flush", code))
    out, (one,) = keep(lazymmu, tmp_path, arch, FLUSH)
    assert words in one["where"], one
    # After a panic, s390x waits without address translation, so gdb finds no variable.
    has_variables = arch != "s390x"
    shown = gdb(lazymmu, tmp_path, out, "thread apply all backtrace\n" + "print steps_begun\n" * has_variables)
    assert ("$1 = 2" in shown) == has_variables
    # gdb has no symbols of the kernel, which a panic ends in.
    assert "lmm_arch_flush" in shown or ("panic" in words and "Thread 1.2" in shown)
    done = lazymmu("shell", "--from", str(out), "--", "true")
    assert (done.returncode, "no shell can run in this guest" in done.stderr) == (2, True), done.stderr
    assert "gone on to its end" not in done.stderr
