# SPDX-License-Identifier: GPL-2.0-only
"""The module under random and mutated programs: it answers each as it must, and leaves nothing behind."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from lazymmu.guests.findings.scan import findings_in
from lazymmu.protocol import report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip

from tests.guest import abuse, machines
from tests.guest.abuse import Abused, grammar

_SEED = 20250915
# The guest measures its memory after the first 1,000.
_EVERYDAY, _ALL = 1_250, 1_000_000
# The kernel's own small changes, in kB: slabs in part full, more of them the longer it works, but never by the program
# (arm64: 280 after 2,000 programs, 570 after 20,000, 1,140 after a million; 8 bytes lost with each would make 8,000);
# and pages that each processor keeps for itself.
_NOISE = {"Slab": 2000, "KernelStack": 100, "VmallocUsed": 500, "MemAvailable": 8000}
# Worse than a warning (Linux: include/linux/kern_levels.h).
_KERN_ERR = 3


@pytest.fixture(scope="module")
def every(everyday_or_all: Callable[[int, int], int]) -> Mapping[str, Abused]:
    """The three architectures' modules after the abuse, side by side."""
    programs, samples = everyday_or_all(_EVERYDAY, _ALL), everyday_or_all(600, 10_000)

    def one(arch: str) -> Abused:
        return abuse.abuse(arch, seed=_SEED, programs=programs, samples=samples)

    with ThreadPoolExecutor(len(machines.ARCHES)) as pool:
        return dict(zip(machines.ARCHES, pool.map(one, machines.ARCHES), strict=True))


@pytest.fixture(params=machines.ARCHES)
def abused(request: pytest.FixtureRequest, every: Mapping[str, Abused]) -> Abused:
    """One architecture's module after the abuse."""
    return every[str(request.param)]


def test_every_text_is_refused_with_one_line_or_reported_whole(
    abused: Abused, everyday_or_all: Callable[[int, int], int]
) -> None:
    assert not abused.broken, f"seed {_SEED}: {abused.broken[:3]}"
    assert abused.programs == everyday_or_all(_EVERYDAY, _ALL) == abused.refused + abused.ran
    # Both happen, and often.
    assert min(abused.refused, abused.ran) > abused.programs // 20
    assert abused.unread
    print(f"{abused.programs / abused.seconds:.0f} programs/s")


def test_what_is_refused_and_what_runs_is_as_the_protocol_says(abused: Abused) -> None:
    for sample in abused.samples:
        try:
            grammar.read(sample.text)
            assert sample.status == 0, sample
        except grammar.MalformedError as error:
            assert sample.status == errno.EINVAL, sample
            assert sample.records[0].startswith(f"lazymmu: program line {error.line}: "), (error, sample)


def test_what_runs_reports_what_the_model_predicts(abused: Abused) -> None:
    ran = [sample for sample in abused.samples if sample.status == 0 and not sample.unread]
    assert len(ran) > len(abused.samples) // 20
    for sample in ran:
        program = grammar.read(sample.text)
        predicted = predict(program.case, program.api, program.personality)
        if isinstance(predicted, Skip):
            step = predicted.step
            assert any(f" error step {step.index} {step.op} with preemption off" in line for line in sample.records)
            continue
        answer = AgentReply(status=0, records=sample.records)
        observed = report.parse(answer, program.case, run=program.run, api=program.api, personality=program.personality)
        assert observed == predicted, sample


def test_the_kernel_does_not_complain(abused: Abused) -> None:
    said = "\n".join(text for _, text in abused.kernel)
    assert not findings_in(said), said
    assert not findings_in(abused.console), abused.console
    assert not [text for level, text in abused.kernel if level <= _KERN_ERR]


def test_nothing_is_left_behind(abused: Abused) -> None:
    assert abused.state == {"alone": (0, 0, 0), "crowd": (0, 0, 0)}
    before, after = abused.memory["before"], abused.memory["after"]
    grown = {name: after[name] - before[name] for name in _NOISE}
    grown["MemAvailable"] *= -1
    assert not {name: grown[name] for name, noise in _NOISE.items() if grown[name] > noise}, (before, after)


def test_many_writers_at_the_same_time_get_answers_although_some_are_killed(abused: Abused) -> None:
    writers, wrong, killed = abused.crowd
    assert (writers, wrong) == (4, 0)
    assert killed > 1


def test_the_device_is_roots_only(abused: Abused) -> None:
    assert abused.device == ("600", 0, 0, errno.EACCES)
