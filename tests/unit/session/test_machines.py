# SPDX-License-Identifier: GPL-2.0-only
"""A run on several kernels, and by the kernel's own implementation: what is selected, skipped, refused and reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lazymmu.cli import main
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.reports.compare import Kind, compare
from lazymmu.reports.saved_results import read
from lazymmu.results.result import Outcome, Unit
from lazymmu.scenario import load
from lazymmu.session.availability import Absence, of_kernels, of_native
from lazymmu.session.selection import Selection, units
from lazymmu.subject.case import Scenario
from lazymmu.subject.implementations import MODULE, NATIVE
from lazymmu.support.errors import UsageError
from msgspec.structs import replace

from tests.unit import examples, runs

BOTH = ("arm64", "x86_64")


@pytest.fixture
def scenarios(tmp_path: Path) -> tuple[Scenario, ...]:
    """One that applies natively on two guests, one on arm64 only, one nowhere."""
    for name in ("a", "b", "c"):
        examples.scenario(tmp_path, "description: x\nsteps: [enable, disable]\n", name)
    natives = (BOTH, ("arm64",), ())
    return tuple(replace(one, native=native) for one, native in zip(load([], tmp_path), natives, strict=True))


def chosen(scenarios: Sequence[Scenario], **flags: Sequence[str]) -> list[str]:
    """Return what is selected, as `scenario revision implementation machine`."""
    found = units(scenarios, Selection(**{name: tuple(values) for name, values in flags.items()}))
    return [f"{unit.scenario.name} {unit.api} {unit.impl} {unit.machine}" for unit in found]


def test_by_default_the_module_runs_everywhere_and_the_kernels_own_where_it_is(scenarios: Sequence[Scenario]) -> None:
    assert {line.split()[2] for line in chosen(scenarios)} == {MODULE}
    assert chosen(scenarios[:1], apis=["merged"], kernels=["current", "lts"]) == [
        "a merged module arm64",
        "a merged module arm64 current",
        "a merged native arm64 current",
        "a merged module s390x",
        "a merged module s390x current",
        "a merged module x86_64",
        "a merged module x86_64 current",
        "a merged native x86_64 current",
    ]
    native = [line for line in chosen(scenarios, kernels=["current"]) if NATIVE in line]
    assert native == [
        "a merged native arm64 current",
        "a merged native x86_64 current",
        "b merged native arm64 current",
    ]
    assert not [line for line in chosen(scenarios, kernels=["current"], apis=["amended"]) if NATIVE in line]


def test_an_implementation_that_is_named_is_the_only_one(scenarios: Sequence[Scenario]) -> None:
    assert {line.split()[2] for line in chosen(scenarios, kernels=["current"], impls=[MODULE])} == {MODULE}
    # Where the kernel has none, a unit says so; where the scenario does not apply there is nothing to say.
    assert chosen(scenarios, kernels=["current"], impls=[NATIVE]) == [
        "a merged native arm64 current",
        "a merged native s390x current",
        "a merged native x86_64 current",
        "b merged native arm64 current",
        "b merged native s390x current",
    ]
    both = chosen(scenarios[:1], kernels=["current"], impls=[NATIVE, MODULE], apis=["merged"], arches=["arm64"])
    assert both == ["a merged module arm64 current", "a merged native arm64 current"]
    for flags in ({"apis": ["amended"]}, {}):
        with pytest.raises(UsageError, match="by native"):
            chosen(scenarios[2:] if not flags else scenarios, impls=[NATIVE], **flags)


@pytest.mark.parametrize(
    ("arch", "kernel", "named_arches", "named_kernels", "error"),
    [
        # The kernel is to blame: it is an error when that was named.
        ("arm64", "lts", (), (), False),
        ("arm64", "lts", ("arm64",), (), False),
        ("arm64", "lts", (), ("lts",), True),
        ("arm64", "lts", (), ("lts", "current"), True),
        # The architecture is.
        ("s390x", "current", (), (), False),
        ("s390x", "current", (), ("current",), False),
        ("s390x", "current", ("s390x",), ("current",), True),
        # Both are.
        ("s390x", "lts", (), (), False),
        ("s390x", "lts", ("arm64", "s390x"), (), True),
        ("s390x", "lts", (), ("lts",), True),
    ],
)
def test_only_what_was_implied_by_a_default_is_skipped(
    tmp_path: Path, arch: str, kernel: str, named_arches: tuple[str, ...], named_kernels: tuple[str, ...], error: bool
) -> None:
    unit = replace(examples.unit(tmp_path, api="merged", arch=arch), impl=NATIVE, kernel=kernel)
    absence = of_native(unit, Selection(arches=named_arches, kernels=named_kernels))
    assert absence is not None
    result = absence.result(unit)
    assert result.outcome is (Outcome.ERROR if error else Outcome.SKIP)
    assert ("s390x has none of its own" in result.reason) is (arch == "s390x")
    assert ("kernel lts has no nested lazy MMU mode of its own: that came with Linux 7.0" in result.reason) is (
        kernel == "lts"
    )


def test_what_a_kernel_has_is_not_absent(tmp_path: Path) -> None:
    unit = replace(examples.unit(tmp_path, api="merged", arch="arm64"), kernel="current")
    selection = Selection(arches=("arm64",), kernels=("current",), impls=(NATIVE,))
    assert of_native(replace(unit, impl=NATIVE), selection) is None
    assert of_native(replace(unit, arch="s390x"), selection) is None, "the module runs everywhere"


def images(folder: Path, name: str, there: Sequence[str], refused: Sequence[str]) -> Images:
    release = Release("7.3", "7.3-1", ())
    return Images(
        cache=Cache(folder, Progress()),
        sandboxes=dict.fromkeys(there, Sandbox("bwrap", folder)),
        kernels={arch: InstalledKernel(name, release, folder, "/headers") for arch in there},
        refused=dict.fromkeys(refused, "apt says so"),
        name=name,
    )


def test_a_machine_that_cannot_be_had_is_skipped_unless_it_was_named(tmp_path: Path) -> None:
    some = [images(tmp_path, "current", BOTH, ["s390x"]), images(tmp_path, "next", [], ["arm64"])]
    skip, error = Absence("apt says so", named=False), Absence("apt says so", named=True)
    # A kernel that can be had nowhere is an error, whoever named it: nothing of what was asked for would be left.
    assert of_kernels(some, Selection()) == {("s390x", "current"): skip, ("arm64", "next"): error}
    assert of_kernels(some, Selection(arches=("arm64",)))["s390x", "current"] == skip
    assert of_kernels(some, Selection(arches=("s390x",)))["s390x", "current"] == error


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Unit, ...]:
    """Four cases on arm64 with each of two kernels."""
    units = [unit for unit in runs.selected(tmp_path) if unit.arch == "arm64"]
    return runs.numbered(replace(unit, kernel=kernel) for unit in units for kernel in ("lts", "current"))


def test_reports_tell_machines_apart(machines: tuple[Unit, ...]) -> None:
    run = runs.summary(machines, ["fail"])
    run = runs.changed(run, list(run.results), accelerators={"arm64": ("tcg", "a"), "arm64 current": ("kvm", "b")})
    root = ElementTree.fromstring(runs.written("junit", run))  # noqa: S314  (our own)
    suites = {
        suite.get("name"): (suite.get("tests"), suite.get("failures"), next(suite.iter("testcase")).get("classname"))
        for suite in root
    }
    assert suites == {"arm64": ("4", "1", "arm64.nesting"), "arm64 current": ("4", "0", "arm64 current.nesting")}
    kernels = {one.get("value") for one in root[1].iter("property") if one.get("name") in ("kernel", "accelerator")}
    assert kernels == {"current", "kvm"}
    lines = runs.written("ktap", run).splitlines()
    assert "1..2" in lines
    assert "not ok 1 arm64" in lines
    assert "ok 2 arm64 current" in lines
    assert runs.document(run)["accelerators"]["arm64 current"]["name"] == "kvm"


def test_compare_names_the_machine_and_the_implementation(machines: tuple[Unit, ...], tmp_path: Path) -> None:
    native = runs.numbered((*machines, replace(machines[1], impl=NATIVE)))
    for name, ends in (("old", ["pass"] * 9), ("new", ["pass"] * 8 + ["fail"])):
        (tmp_path / name).write_text(json.dumps({**runs.document(runs.summary(native, ends)), "schema": 1}))
    (change,) = compare(read(str(tmp_path / "old")), read(str(tmp_path / "new")))
    assert change.kind is Kind.NEWLY_FAILING
    assert change.line().startswith("nesting/deep[depth=1] merged native on arm64 current: pass -> fail")


def test_predict_takes_several_kernels_and_shell_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, "description: x\nsteps: [enable]\n")
    flags = ("--kernel", "current", "--kernel", "lts", "--arch", "arm64", "--api", "merged", "--json", "-")
    assert main(["predict", str(tmp_path), *flags]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [(one["kernel"], one["impl"]) for one in found] == [
        ("lts", MODULE),
        ("current", MODULE),
        ("current", NATIVE),
    ]
    assert main(["shell", "arm64", "--kernel", "lts", "--kernel", "current"]) == 2
    assert "one --kernel is possible here, not lts, current" in capsys.readouterr().err
