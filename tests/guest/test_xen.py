# SPDX-License-Identifier: GPL-2.0-only
"""The machine x86_64-xen: Linux as the first guest of Xen."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.guests import snapshot
from lazymmu.support.errors import GuestDied
from lazymmu.support.project import ROOT

from tests.guest import machines
from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.faults import faulty
from tests.guest.test_hangs import SPIN, WAIT
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

pytestmark = pytest.mark.exhaustive

XEN = "x86_64-xen"
# What the second snapshot of a machine may take on the disk (bytes).
_LARGEST_SNAPSHOT = 160_000_000
_NATIVELY = ("--arch", XEN, "--kernel", "current", "--api", "merged", "--impl")
_MANY = """\
description: x
steps: [enable, repeat: {times: 40, as: i, steps: [set_pte: {index: $i, value: 1}]}, disable]
"""


def test_the_modules_implementations_agree_with_the_model(lazymmu: Lazymmu) -> None:
    done, document = lazymmu.run("--arch", XEN, "--kernel", "current", "--api", "all", "--impl", "module")
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] > 500


def test_a_restored_guest_runs_from_a_small_snapshot() -> None:
    machine, steps = machines.machine(XEN, "current"), list[str]()
    for _ in range(2):
        with machines.ready(machine, steps.append) as connection:
            assert connection.read("/sys/hypervisor/guest_type", machine.deadline(30)) == b"PV\n"
    assert "booting" not in steps[steps.index("running") :]
    file = snapshot.path(machine.boot)
    assert file.stat().st_blocks * 512 < _LARGEST_SNAPSHOT


@pytest.mark.parametrize(("code", "words"), [(SPIN, "CPU 0 spins in "), (WAIT, "all processors wait")])
def test_the_report_of_a_hang_says_where_linux_or_xen_is(
    broken: Callable[..., Lazymmu], tmp_path: Path, code: str, words: str
) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    flags = ("--api", "merged", "--arch", XEN, "--kernel", "current", "--impl", "module")
    done, document = broken(at_start_of("lmm_arch_flush", code)).run(folder, *flags)
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "plain") == {(XEN, "pass")}
    (result,) = (result for result in document["results"] if result["outcome"] == "error")
    assert words in result["reason"]
    # Three samples of each processor, with function and offset.
    assert (
        len(
            re.findall(
                r"CPU [01]:(?: [^ ]+\+0x[0-9a-f]+(?: \[lazymmu\])? \(0x[0-9a-f]+\)){3}$", result["details"], re.M
            )
        )
        == 2
    )
    assert "default_idle+" in result["details"]


def test_a_panic_of_linux_is_a_death_although_xen_waits_to_restart() -> None:
    guests = faulty(XEN)
    with guests.start() as (guest, line):
        line.send("load", guests.module, "fault=panic")
        with pytest.raises(GuestDied, match="the guest died: kernel panic: asked for by the fault module"):
            line.await_done("refused the module", machines.machine(XEN).deadline(60))
        assert "in 5 seconds" in guest.console.text()


def _fork_accounts(checkout: Path) -> None:
    """Let fork account for the pause that the first switch-in takes back (docs/xen-pause-count.md)."""
    file = checkout / "guest/module/native_xen.c"
    probe = """\
static void probe_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	child->lazy_mmu_state.pause_count = 1;
}

static struct probe {"""
    text = file.read_text().replace("static struct probe {", probe)
    last = '{ "xen_mc_flush", probe_flush },'
    assert last in text
    file.write_text(text.replace(last, f'{last} {{ "sched_process_fork", probe_fork }},'))


def _a_queue_of_32(checkout: Path) -> None:
    file = checkout / "harness/lazymmu/subject/personalities/xen.py"
    text = file.read_text()
    assert "FULL = 31" in text
    file.write_text(text.replace("FULL = 31", "FULL = 32"))


def test_an_affected_kernel_fails_and_the_bug_is_named(lazymmu: Lazymmu) -> None:
    known = ("--impl", "module", "--known", str(ROOT / "images/known/xen-pause-count.yaml"))
    done, document = lazymmu.run("nesting", *_NATIVELY, "native")
    assert done.returncode == 1, done.stdout + done.stderr
    for result in document["results"]:
        assert result["outcome"] == "fail"
        assert "fork never accounts for the pause that the first switch-in takes back" in result["reason"]
    done, document = lazymmu.run("nesting", *_NATIVELY, "native", *known)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["fail"] > 0


def test_with_the_pauses_repaired_the_kernel_agrees_with_the_model(lazymmu: Lazymmu) -> None:
    done, document = lazymmu.run(*_NATIVELY, "native-repaired")
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] > 150
    assert {result["impl"] for result in document["results"]} == {"native-repaired"}


def test_with_a_fork_that_accounts_for_the_pause_the_unchanged_run_passes(broken: Callable[..., Lazymmu]) -> None:
    done, document = broken(_fork_accounts).run(*_NATIVELY, "native")
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] > 150


def test_a_queue_of_another_length_is_a_difference(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    folder = write(tmp_path / "given", many=_MANY)
    done, document = broken(_a_queue_of_32).run(folder, *_NATIVELY, "native-repaired")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "set_pte: outstanding" in document["results"][0]["reason"]
