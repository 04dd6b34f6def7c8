# SPDX-License-Identifier: GPL-2.0-only
"""The machine ppc64: the pseries board with the hash MMU."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.guests import snapshot
from lazymmu.support.errors import GuestDied

from tests.guest import machines
from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.faults import faulty
from tests.guest.test_hangs import SPIN
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

pytestmark = pytest.mark.exhaustive

PPC64, RADIX = "ppc64", "ppc64-radix"
# What the second snapshot of a machine may take on the disk (bytes).
_LARGEST_SNAPSHOT = 80_000_000
_CPUS = "/sys/devices/system/cpu/online"
_MODEL = "/proc/cpuinfo"


@pytest.mark.parametrize("arch", [PPC64, RADIX])
def test_the_whole_library_agrees_with_the_model(lazymmu: Lazymmu, arch: str) -> None:
    done, document = lazymmu.run("--arch", arch, "--api", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] > 1500


def test_a_restored_guest_runs_on_both_processors_from_a_small_snapshot(lazymmu: Lazymmu) -> None:
    machine, steps = machines.machine(PPC64), list[str]()
    for _ in range(2):
        with machines.ready(machine, steps.append) as connection:
            assert b"POWER8" in connection.read(_MODEL, machine.deadline(30))
            # The agent starts the second one for the first program.
            assert connection.read(_CPUS, machine.deadline(30)) == b"0\n"
    assert "booting" not in steps[steps.index("running") :]
    assert snapshot.path(machine.boot).stat().st_blocks * 512 < _LARGEST_SNAPSHOT
    done, document = lazymmu.run("batching/ppc64-batch-of-the-cpu", "--arch", PPC64, "--api", "merged")
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] == 1


def test_the_report_of_a_hang_says_where_the_processors_are(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    done, document = broken(at_start_of("lmm_arch_flush", SPIN)).run(folder, "--api", "merged", "--arch", PPC64)
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "plain") == {(PPC64, "pass")}
    (result,) = (result for result in document["results"] if result["outcome"] == "error")
    assert "CPU 0 spins in " in result["reason"]
    assert "CPU 1 is idle" in result["reason"]
    assert (
        len(
            re.findall(
                r"CPU [01]:(?: [^ ]+\+0x[0-9a-f]+(?: \[lazymmu\])? \(0x[0-9a-f]+\)){3}$", result["details"], re.M
            )
        )
        == 2
    )


@pytest.mark.parametrize(("arch", "mmu"), [(PPC64, b"Hash"), (RADIX, b"Radix")])
def test_the_processor_decides_about_the_mmu(arch: str, mmu: bytes) -> None:
    machine = machines.machine(arch)
    with machines.ready(machine) as connection:
        assert re.search(rb"^MMU\s*: " + mmu, connection.read(_MODEL, machine.deadline(30)), re.MULTILINE)


@pytest.mark.parametrize("arch", [PPC64, RADIX])
def test_a_panic_is_a_death_with_its_cause(arch: str) -> None:
    guests = faulty(arch)
    with guests.start() as (guest, line):
        line.send("load", guests.module, "fault=panic")
        with pytest.raises(GuestDied, match="the guest died: kernel panic: asked for by the fault module"):
            line.await_done("refused the module", machines.machine(arch).deadline(60))
        assert "Kernel panic" in guest.console.text()
