# SPDX-License-Identifier: GPL-2.0-only
"""What is selected: units in a fixed order, each made when it is asked for."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import pytest
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, Units, units
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import UsageError
from msgspec.structs import replace

from tests.unit import runs

_FILES = {
    "a": "description: x\nvary: {n: [1, 2, 3]}\nsteps: [repeat: {times: $n, steps: [enable]}]\n",
    "b": "description: x\napi: [proposal]\nsteps: [enable]\n",
    "c": "description: x\narch: [s390x]\napi: [merged]\nvary: {n: [1, 2]}\nsteps: [enable, check: {enable: $n}]\n",
}


def written(folder: Path) -> tuple[Scenario, ...]:
    for name, text in _FILES.items():
        (folder / f"{name}.yaml").write_text(text)
    return load([], folder)


def test_units_stand_in_the_order_of_scenario_case_revision_and_architecture(tmp_path: Path) -> None:
    a, _, c = scenarios = written(tmp_path)
    found = units(scenarios, Selection(arches=("s390x", "arm64")))
    wanted = [
        *(
            Unit(a, case, api, arch)
            for case in range(3)
            for api in ("amended", "merged")
            for arch in ("arm64", "s390x")
        ),
        *(Unit(c, case, "merged", "s390x") for case in range(2)),
    ]
    wanted = list(runs.numbered(wanted))
    assert list(found) == wanted
    assert len(found) == len(wanted)
    assert [found[position] for position in range(-len(wanted), 0)] == wanted
    assert found[5:13:3] == tuple(wanted[5:13:3])
    for position in (len(wanted), -len(wanted) - 1):
        with pytest.raises(IndexError):
            found[position]


def test_nothing_left_is_an_error_and_no_units_are_an_empty_sequence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is selected"):
        units(written(tmp_path)[1:2], Selection())
    assert list(Units([])) == []


def test_units_are_equal_by_what_they_are(tmp_path: Path) -> None:
    found = units(written(tmp_path), Selection())
    assert len({*found, *found}) == len(found)
    assert replace(found[0], repetition=2) != found[0]


def test_the_label_of_a_unit_shows_its_values(tmp_path: Path) -> None:
    unit = units(written(tmp_path), Selection(arches=("s390x",)))[2]
    assert (unit.label(), unit.values, unit.case.values) == ("a[n=2] amended on s390x", {"n": 2}, {"n": 2})


def test_a_personality_is_in_force_on_every_guest_that_is_selected(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("description: x\npersonality: s390x\narch: [arm64, x86_64]\nsteps: [enable]\n")
    (tmp_path / "q.yaml").write_text("description: x\nsteps: [enable]\n")
    found = units(load([], tmp_path), Selection(apis=("merged",)))
    assert [(unit.scenario.name, unit.arch, unit.personality) for unit in found] == [
        *(("p", "arm64", "s390x"), ("p", "x86_64", "s390x")),
        *(("q", arch, arch) for arch in ("arm64", "s390x", "x86_64")),
    ]
    with pytest.raises(UsageError, match="nothing is selected"):
        units(load(["p"], tmp_path), Selection(arches=("s390x",)))


def test_ninety_thousand_units_and_their_labels_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(
        f"description: x\nvary: {{a: {list(range(150))}, b: {list(range(100))}}}\n"
        "steps: [repeat: {times: 100, steps: [enable]}, check: {enable: $a}, check: {disable: $b}]\n"
    )
    scenarios = load(["many"], tmp_path)
    tracemalloc.start()
    try:
        found = units(scenarios, Selection())
        assert all(unit.label() for unit in itertools.islice(found, 0, None, 100))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        assert len(found) == 90_000
    finally:
        tracemalloc.stop()
