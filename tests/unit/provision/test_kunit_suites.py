# SPDX-License-Identifier: GPL-2.0-only
"""The KUnit suites that a user-built kernel has, and the units that they become in a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.provision import catalogue, kunit_suites, own_kernels
from lazymmu.session import plan
from lazymmu.session.kunit import suites as kunit
from lazymmu.session.selection import Selection
from lazymmu.support.errors import UsageError

from tests import trees

SUITE = """\
static struct kunit_case cases[] = {{ {{}} }};
static struct kunit_suite {name}_test_suite = {{
	.name = "{name}",
	.test_cases = cases,
}};
static void call(void) {{ {calls}(); }}
"""
OWN = SUITE.format(name="lazy_mmu_mode", calls="lazy_mmu_mode_enable")
KUNIT = "CONFIG_KUNIT=y\nCONFIG_KUNIT_DEBUGFS=y"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let no test see the kernel that another one found at the same path."""
    catalogue._own.cache_clear()
    yield
    catalogue._own.cache_clear()


def kernel(folder: Path, more: str = KUNIT) -> Path:
    """Make a kernel with three objects in mm/tests, of which two are about lazy MMU mode."""
    tree = trees.built(trees.source(folder / "linux"), folder / "linux", more=more)
    for name, calls in (("lazy_mmu_mode", "lazy_mmu_mode_enable"), ("mine", "lazy_mmu_mode_enable"), ("other", "kmap")):
        trees.write(tree / f"mm/tests/{name}_kunit.c", SUITE.format(name=name, calls=calls))
    trees.write(tree / "mm/built-in.a", "!<thin>\nmmap.o/\ntests/lazy_mmu_mode_kunit.o/\ntests/other_kunit.o/\n")
    trees.write(tree / "mm/modules.order", "mm/tests/mine_kunit.o\n")
    return tree


def found(tree: Path) -> dict[str, str]:
    (one,) = own_kernels.of_path(str(tree)).values()
    return {suite.name: suite.refusal for suite in kunit_suites.suites(one)}


def test_the_suites_of_a_kernel_are_those_that_were_built_and_are_about_the_mode(tmp_path: Path) -> None:
    tree = kernel(tmp_path)
    assert found(tree) == {
        "lazy_mmu_mode": "",
        "mine": "mm/tests/mine_kunit.c is a module of its kernel and must be built in",
    }
    (tree / "mm/built-in.a").unlink()
    (tree / "mm/modules.order").unlink()
    assert found(tree) == {}


def test_a_kernel_without_the_files_to_run_them_says_what_it_lacks(tmp_path: Path) -> None:
    tree = kernel(tmp_path, "CONFIG_KUNIT=m")
    reason = "its kernel was built without CONFIG_KUNIT=y and CONFIG_KUNIT_DEBUGFS=y"
    assert found(tree)["lazy_mmu_mode"] == reason


def test_suites_are_units_of_a_run_unless_something_else_is_selected(tmp_path: Path) -> None:
    path = str(kernel(tmp_path))

    def names(**flags: Any) -> list[tuple[str, str, str]]:
        made = kunit.units(Selection(kernels=(path,), **flags), 5)
        assert [unit.index for unit in made] == [*range(5, 5 + len(made))]
        return [(unit.scenario.name, unit.impl, unit.arch) for unit in made]

    both = [(f"kunit/{name}", "kunit", "arm64") for name in ("lazy_mmu_mode", "mine")]
    assert names() == names(impls=("kunit",)) == names(impls=("native", "kunit")) == names(apis=("all",)) == both
    assert names(impls=("native",)) == names(tags=("x",)) == names(apis=("v3",)) == []
    with pytest.raises(UsageError, match="--impl kunit: no selected kernel has a KUnit suite of lazy MMU mode"):
        kunit.units(Selection(kernels=("lts",), impls=("kunit",)), 0)


def test_a_suite_that_cannot_be_run_is_a_skip_and_an_error_if_it_was_asked_for(tmp_path: Path) -> None:
    path = str(kernel(tmp_path))
    for impls, outcome in (((), "skip"), (("kunit",), "error")):
        selection = Selection(kernels=(path,), impls=impls)
        runs, module = kunit.units(selection, 0)
        assert plan.without_implementation(runs, selection) is None
        result = plan.without_implementation(module, selection)
        assert result is not None
        assert (result.outcome, result.impl, result.predicted) == (outcome, "kunit", None)
        assert result.reason.startswith("mm/tests/mine_kunit.c is a module")


def test_only_run_knows_suites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(kernel(tmp_path))
    one = "nesting/single"
    for command in (["predict", one, "--kernel", path], ["list", one], ["exhaust", "--api", "v3", "--kernel", path]):
        assert main([*command, "--impl", "kunit"]) == 2
        assert "kunit" in capsys.readouterr().err
