# SPDX-License-Identifier: GPL-2.0-only
"""How many guests run at the same time, and what an unexpected exception costs."""

import os
from pathlib import Path

import pytest
from lazymmu.provision.setup import Images
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session import scheduler
from lazymmu.support.errors import LazymmuError
from lazymmu.support.interrupts import Interrupts

from tests.unit import examples, runs

ALL = ["arm64", "s390x", "x86_64"]
# The memory of a guest with its QEMU, and what is left to the host (kB).
GUEST, HOST = 192 * 1024 + 80_000_000 // 1024, 500_000_000 // 1024


@pytest.mark.parametrize(
    ("processors", "guests_memory", "arches", "expected"),
    [
        (2, 100, ALL, 3),
        (1, 100, ALL, 3),
        (16, 100, ALL, 16),
        (16, 5, ALL, 5),
        (2, 2, ALL, 2),
        (8, 0, ALL, 1),
        (2, 100, ["arm64"], 2),
        (2, 1, ["arm64"], 1),
    ],
)
def test_as_many_guests_run_as_the_host_has_room_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processors: int,
    guests_memory: int,
    arches: list[str],
    expected: int,
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 1 kB\nMemAvailable: {HOST + guests_memory * GUEST + GUEST // 2} kB\n")
    monkeypatch.setattr(scheduler, "_MEMINFO", meminfo)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    assert scheduler.guests_at_once(arches) == expected


def test_no_guest_runs_if_every_machine_was_refused() -> None:
    with Interrupts.noted() as interrupts:
        schedule = scheduler.Schedule([], {}, scheduler.Options(jobs=1), lambda _: pytest.fail("there is no unit"))
        schedule.run(interrupts)


def test_an_unexpected_exception_costs_only_the_results_of_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = examples.scenario(tmp_path, examples.NESTED, "one")
    units = runs.numbered(Unit(scenario, number=0, api="merged", arch=arch) for arch in ("arm64", "s390x"))
    results: dict[int, Result] = {}

    def prepare(_images: Images, arch: str, *_: object, **__: object) -> None:
        raise KeyError("a mistake") if arch == "arm64" else LazymmuError("no network")

    monkeypatch.setattr(scheduler, "prepare", prepare)
    with Interrupts.noted() as interrupts:
        scheduler.Schedule(
            units,
            {unit.kernel: None for unit in units},  # type: ignore[misc]
            scheduler.Options(),
            lambda result: results.update({result.number: result}),
        ).run(interrupts)
    assert {number: result.outcome for number, result in results.items()} == dict.fromkeys(range(2), Outcome.ERROR)
    assert "a mistake in lazymmu itself: KeyError: 'a mistake'" in results[0].reason
    assert results[1].reason == "no network"
