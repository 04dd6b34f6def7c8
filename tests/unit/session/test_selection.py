# SPDX-License-Identifier: GPL-2.0-only
"""What the selection flags select, how often, and in which order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lazymmu.results.result import Unit
from lazymmu.scenario import load
from lazymmu.session import unreached
from lazymmu.session.selection import Selection, shuffled, units
from lazymmu.subject.case import Scenario
from lazymmu.subject.implementations import MODULE, NATIVE
from lazymmu.support.errors import UsageError
from msgspec.structs import replace

from tests.unit import examples, runs

_FILES = {
    "a": "description: x\nvary: {n: [1, 2, 3]}\nsteps: [repeat: {times: $n, steps: [enable]}]\n",
    "b": "description: x\napi: [proposal]\nsteps: [enable]\n",
    "c": "description: x\narch: [s390x]\napi: [merged]\nvary: {n: [1, 2]}\nsteps: [enable, check: {enable: $n}]\n",
}


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of one scenario, because reading ours takes longer than all tests here."""
    folder = tmp_path_factory.mktemp("library") / "nesting"
    folder.mkdir()
    examples.scenario(folder, "description: x\ntags: [wrap-around]\nsteps: [enable]\n", "single")
    monkeypatch.setattr("lazymmu.session.selection.LIBRARY", folder.parent)


@pytest.fixture
def scenarios(tmp_path: Path) -> tuple[Scenario, ...]:
    for name, text in _FILES.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return load([], tmp_path)


def test_units_are_in_the_order_of_scenario_case_revision_and_architecture(scenarios: tuple[Scenario, ...]) -> None:
    a, _, c = scenarios
    expected = [
        *(
            Unit(a, case, api, arch)
            for case in range(3)
            for api in ("amended", "merged")
            for arch in ("arm64", "s390x")
        ),
        *(Unit(c, case, "merged", "s390x") for case in range(2)),
    ]
    assert units(scenarios, Selection(arches=("s390x", "arm64"))) == runs.numbered(expected)


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        (["a"], ["c[n=1]", "c[n=2]"]),
        (["a[n=2]", "a[n=1]", "[b-z]"], ["a[n=3]"]),
        (["*[n=1]", "a[n=3]"], ["a[n=2]", "c[n=2]"]),
        # A tag of two of them, a scenario and a tag of the library.
        (["odd"], ["c[n=1]", "c[n=2]"]),
        (["nesting/single", "wrap-around", "a[n=3]"], ["a[n=1]", "a[n=2]", "c[n=1]", "c[n=2]"]),
    ],
)
@pytest.mark.usefixtures("library")
def test_what_is_excluded_is_not_selected(
    scenarios: tuple[Scenario, ...], excluded: list[str], left: list[str]
) -> None:
    some = [replace(one, tags=("odd",)) if one.name in "ab" else one for one in scenarios]
    found = units(some, Selection(excluded=tuple(excluded), arches=("s390x",), apis=("merged",)))
    assert [unit.case_name() for unit in found] == left


@pytest.mark.parametrize(
    ("excluded", "message"),
    [
        ("a[n=9]", r"no case `a\[n=9\]`"),
        (
            "nestin",
            r"--exclude nestin: no scenario, file or directory `nestin` \(did you mean `nesting`\?\), and no tag",
        ),
        ("*", r"nothing is selected: .* without \*"),
    ],
)
@pytest.mark.usefixtures("library")
def test_what_cannot_be_excluded_is_refused(scenarios: tuple[Scenario, ...], excluded: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        units(scenarios, Selection(excluded=(excluded,)))


def test_a_selection_of_nothing_is_an_error(scenarios: tuple[Scenario, ...]) -> None:
    with pytest.raises(UsageError, match="nothing is selected: no case of 1 scenario is about revisions amended, "):
        units(scenarios[1:2], Selection())


def test_the_label_of_a_unit_has_its_values(scenarios: tuple[Scenario, ...]) -> None:
    unit = units(scenarios, Selection(arches=("s390x",)))[2]
    assert (unit.label(), unit.values) == ("a[n=2] amended on s390x", {"n": 2})


def test_a_personality_applies_to_every_guest_that_is_selected(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("description: x\npersonality: s390x\narch: [arm64, x86_64]\nsteps: [enable]\n")
    (tmp_path / "q.yaml").write_text("description: x\nsteps: [enable]\n")
    found = units(load([], tmp_path), Selection(apis=("merged",)))
    assert [(unit.scenario.name, unit.arch, unit.personality) for unit in found] == [
        *(("p", "arm64", "s390x"), ("p", "x86_64", "s390x")),
        *(("q", arch, arch) for arch in ("arm64", "s390x", "x86_64")),
    ]
    with pytest.raises(UsageError, match="nothing is selected"):
        units(load(["p"], tmp_path), Selection(arches=("s390x",)))


def test_a_given_personality_replaces_every_guest_s_own_where_the_scenario_applies_to_it(tmp_path: Path) -> None:
    for name, head in (
        ("every", ""),
        ("guests", "arch: [arm64, x86_64]\n"),
        ("other", "personality: s390x\n"),
        ("same", "personality: x86_64\narch: [s390x]\n"),
        ("narrow", "expect: {counters: {updates: 0}}\n"),
        ("narrower", "expect: {counters: {flushes: 0}}\n"),
    ):
        examples.scenario(tmp_path, f"description: x\n{head}steps: [flush]\n", name)
    scenarios = load([], tmp_path)

    def given(personality: str) -> list[tuple[str, str]]:
        found = units(scenarios, Selection(apis=("merged",), personality=personality))
        assert {(unit.personality, unit.named_personality) for unit in found} == {(personality, personality)}
        return [(unit.scenario.name, unit.arch) for unit in found]

    everywhere = ("arm64", "s390x", "x86_64")
    assert given("x86_64") == [
        *(("every", arch) for arch in everywhere),
        *(("guests", arch) for arch in ("arm64", "x86_64")),
        *(("narrow", arch) for arch in everywhere),
        ("same", "s390x"),
    ]
    assert given("xen") == [(name, arch) for name in ("every", "narrow") for arch in everywhere]
    assert given("ppc64") == [(name, arch) for name in ("every", "narrower") for arch in everywhere]
    own = units(scenarios, Selection(apis=("merged",)))
    assert not [unit for unit in own if unit.scenario.name == "narrower"]
    assert [unit.arch for unit in own if unit.scenario.name == "narrow"] == ["x86_64"]


def test_labels_of_units_and_results_name_a_personality_that_is_not_the_guest_s_own(tmp_path: Path) -> None:
    examples.scenario(tmp_path, "description: x\nsteps: [flush]\n", "a")
    for personality, label in (("xen", "a merged on arm64 as xen"), ("arm64", "a merged on arm64")):
        selection = Selection(arches=("arm64",), apis=("merged",), personality=personality)
        (unit,) = units(load([], tmp_path), selection)
        result = runs.result(unit, "pass")
        assert (unit.label(), result.label(), result.personality) == (label, label, personality)
        assert unit.title() == label.replace(" on arm64", "")
    (first, _) = units(load([], tmp_path), replace(selection, personality="s390x"), repeat=2)
    assert first.label() == "a merged on arm64 as s390x, repetition 1"


def test_notes_name_pins_of_units_that_were_skipped(tmp_path: Path) -> None:
    text = "description: x\nsteps: [flush]\nexpect: {arm64: {hooks: f}, s390x: {hooks: f}}\n"
    examples.scenario(tmp_path, text, "a")
    some = units(load([], tmp_path), Selection(arches=("arm64", "s390x")))
    assert list(unreached.notes(unreached.places(some))) == []
    skipped = [unit.index for unit in some if unit.arch == "s390x"]
    assert list(unreached.notes(unreached.places(some, skipped))) == [
        f"{tmp_path}/a.yaml:3:37: note: no case that ran compares this pin"
    ]
    (both,) = unreached.notes(unreached.places(some, range(len(some))))
    assert both.endswith(":3:18: note: no case that ran compares this pin, nor those at 3:37")


def test_repetitions_are_side_by_side_and_a_unit_that_runs_once_has_none(scenarios: tuple[Scenario, ...]) -> None:
    once = units(scenarios, Selection())
    thrice = units(scenarios, Selection(), repeat=3)
    assert {unit.repetition for unit in once} == {None}
    assert [unit.repetition for unit in thrice] == [1, 2, 3] * len(once)
    assert [unit.index for unit in thrice] == list(range(3 * len(once)))
    assert thrice[4].label() == "a[n=1] amended on s390x, repetition 2"


def test_a_seed_gives_the_same_order_everywhere_and_another_seed_another(tmp_path: Path) -> None:
    some = runs.selected(tmp_path)
    assert shuffled(some, 1) == shuffled(some[::-1], 1)
    assert len({tuple(unit.label() for unit in shuffled(some, seed)) for seed in range(50)}) == 50
    assert set(shuffled(some, 1)) == set(some)
    # People write a seed down, so its order must never change.
    assert [unit.label() for unit in shuffled(some, 7)][:2] == [
        "nesting/deep[depth=2] merged on s390x",
        "nesting/deep[depth=1] merged on arm64",
    ]


def test_a_smaller_selection_keeps_the_order_of_a_seed(tmp_path: Path) -> None:
    some = runs.selected(tmp_path)
    fewer = [unit for unit in some if unit.arch == "arm64"][1:]
    assert shuffled(fewer, 7) == [unit for unit in shuffled(some, 7) if unit in fewer]


@pytest.fixture
def native(tmp_path: Path) -> tuple[Scenario, ...]:
    """Scenarios that apply natively on two guests, on arm64 only, and nowhere."""
    for name in ("a", "b", "c"):
        examples.scenario(tmp_path, "description: x\nsteps: [enable, disable]\n", name)
    guests = (("arm64", "x86_64"), ("arm64",), ())
    return tuple(replace(scenario, native=on) for scenario, on in zip(load([], tmp_path), guests, strict=True))


def selected(scenarios: Sequence[Scenario], **flags: Any) -> list[str]:
    """Return what is selected, as `scenario revision implementation machine`."""
    found = units(scenarios, Selection(**flags))
    return [f"{unit.scenario.name} {unit.api} {unit.impl} {unit.machine}" for unit in found]


def test_by_default_the_module_runs_everywhere_and_the_kernels_implementation_where_there_is_one(
    native: tuple[Scenario, ...],
) -> None:
    assert {line.split()[2] for line in selected(native)} == {MODULE}
    assert selected(native[:1], apis=["merged"], kernels=["current", "lts"]) == [
        "a merged module arm64",
        "a merged module arm64 current",
        "a merged native arm64 current",
        "a merged module s390x",
        "a merged module s390x current",
        "a merged module x86_64",
        "a merged module x86_64 current",
        "a merged native x86_64 current",
    ]
    assert [line for line in selected(native, kernels=["current"]) if NATIVE in line] == [
        "a merged native arm64 current",
        "a merged native x86_64 current",
        "b merged native arm64 current",
    ]
    assert not [line for line in selected(native, kernels=["current"], apis=["amended"]) if NATIVE in line]


def test_a_named_implementation_is_the_only_one_even_where_the_kernel_has_none(native: tuple[Scenario, ...]) -> None:
    assert {line.split()[2] for line in selected(native, kernels=["current"], impls=[MODULE])} == {MODULE}
    # A unit says that s390x has none; where the scenario does not apply, there is no unit.
    assert selected(native, kernels=["current"], impls=[NATIVE]) == [
        "a merged native arm64 current",
        "a merged native s390x current",
        "a merged native x86_64 current",
        "b merged native arm64 current",
        "b merged native s390x current",
    ]
    both = selected(native[:1], kernels=["current"], impls=[NATIVE, MODULE], apis=["merged"], arches=["arm64"])
    assert both == ["a merged module arm64 current", "a merged native arm64 current"]
    for scenarios, apis in ((native, ["amended"]), (native[2:], [])):
        with pytest.raises(UsageError, match="by native"):
            selected(scenarios, impls=[NATIVE], apis=apis)
