# SPDX-License-Identifier: GPL-2.0-only
"""A guest that hangs is told from one that is slow, and the report says where it hangs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest.checkouts import appended, at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.hogs import hogs
from tests.guest.machines import ARCHES
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

SPIN = "{ local_irq_disable(); while (READ_ONCE(run->task)) cpu_relax(); local_irq_enable(); }"
WAIT = "{ DECLARE_COMPLETION_ONSTACK(never); wait_for_completion(&never); }"
SPINS = ("the guest hangs: CPU 0 spins in ", "[lazymmu]")
WAITS = ("the guest is idle: all processors wait",)


@pytest.mark.parametrize(
    ("code", "words", "arches"),
    [
        # The kernel itself detects neither of them.
        (SPIN, SPINS, ["s390x"]),
        pytest.param(SPIN, SPINS, ARCHES, marks=pytest.mark.exhaustive),
        pytest.param(WAIT, WAITS, ARCHES, marks=pytest.mark.exhaustive),
    ],
)
def test_the_report_of_a_hang_names_the_function_and_the_step(
    broken: Callable[..., Lazymmu], tmp_path: Path, code: str, words: tuple[str, ...], arches: list[str]
) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    flags = [word for arch in arches for word in ("--arch", arch)]
    done, document = broken(at_start_of("lmm_arch_flush", code)).run(folder, "--api", "merged", *flags)
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "flush") == {(arch, "error") for arch in arches}
    # The unit after it gets another guest.
    assert outcomes(document, "plain") == {(arch, "pass") for arch in arches}
    for result in (result for result in document["results"] if result["outcome"] == "error"):
        reason = result["reason"]
        assert all(word in reason for word in words), reason
        assert "last begun: step 1 flush (" in reason
        assert "b_flush.yaml:2:17)" in reason
        # Far below the deadline, also on a busy host.
        assert result["seconds"] < 60
        assert "where its processors are:" in result["details"]
        (line,) = (line for line in result["details"].splitlines() if "CPU 0: " in line)
        # Three samples, each with function and offset.
        assert len(re.findall(r"\S+\+0x[0-9a-f]+ ", line)) == 3, line


@pytest.mark.parametrize("arches", [["s390x"], pytest.param(ARCHES, marks=pytest.mark.exhaustive)])
def test_a_slow_guest_is_not_a_hang(lazymmu: Lazymmu, tmp_path: Path, arches: list[str]) -> None:
    # Seconds of work for the guest in one program, on a host whose processors are all busy.
    many = "description: x\nsteps: [repeat: {times: 8000, steps: [interrupt: [enable, flush]]}]\n"
    folder = write(tmp_path / "given", many=many)
    with hogs():
        done, document = lazymmu.run(folder, "--api", "merged", "--arch", ",".join(arches))
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(document, "many") == {(arch, "pass") for arch in arches}


def test_an_agent_that_hangs_is_told_from_a_kernel_that_hangs(broken: Callable[..., Lazymmu]) -> None:
    # The usual limit is twice as long, and all of it is waited for.
    sooner = appended("harness/lazymmu/guests/watchdog.py", "BOOT_SILENCE = 5.0\n")
    deaf = broken(at_start_of("serve", "for (;;)\n\t\tpause();"), sooner)
    done, document = deaf.run("nesting/single", "--api", "merged", "--arch", "x86_64")
    assert done.returncode == 3, done.stdout + done.stderr
    (result,) = document["results"]
    assert "all processors wait, its agent does not answer" in result["reason"]
