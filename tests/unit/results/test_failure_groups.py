# SPDX-License-Identifier: GPL-2.0-only
"""One mistake is one cause: it is shown once, at its smallest case, with the function that has it."""

import io
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from lazymmu.reports.live import LiveView, logs_scenarios
from lazymmu.reports.terminal import Terminal
from lazymmu.results.failure_groups import groups
from lazymmu.results.functions import of_operation
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.store import ResultStore
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.session.verdict import judge
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.support.project import LIBRARY, MODULE_SOURCE, ROOT
from msgspec.structs import replace

from tests.unit import runs
from tests.unit.rows import each_row
from tests.unit.subject.test_slips import mistaken_model, slips

# What else a run on three architectures prints besides passes and failures: conditions, and the last line.
_LIMIT = 40


def results(selected: Sequence[Unit], slip: str) -> Iterator[Result]:
    """Yield results whose guest has the mistake of a mutant: both sides are the model's."""
    with pytest.MonkeyPatch.context() as patch:
        wrong = mistaken_model(slips()[slip], patch)
        for unit in selected:
            assert unit.impl == "module"
            right, seen = predict(unit.case, unit.api, unit.personality), wrong(unit.case, unit.api, unit.personality)
            found = tuple(judge(unit, unit.case, right, seen))
            others = {"predicted": right, "observed": seen, "parts": found, "release": "6.12.0-test"}
            yield Result.of(unit, Outcome.FAIL if found else Outcome.PASS, str(found[0]) if found else "", **others)


def shown(selected: Sequence[Unit], found: Sequence[Result]) -> list[str]:
    """Return the lines of a log of a run with these results."""
    stream, store = io.StringIO(), ResultStore(selected)
    terminal = Terminal(stream)
    with LiveView(terminal, store).shown() as view:
        for result in found:
            store.add(result)
            view.show_result(result)
    accelerators = dict.fromkeys(("arm64", "s390x", "x86_64"), ("tcg", "no KVM here"))
    run = replace(runs.summary(selected, []), results=store, accelerators=accelerators)
    terminal.report(run, Path("results"), scenarios=not logs_scenarios(terminal, store))
    return stream.getvalue().splitlines()


@pytest.fixture(scope="module")
def selected(everyday_or_all: Callable[[int, int], int]) -> tuple[Unit, ...]:
    """Return the units of part of the library every day, of all of it with `--all`, on all architectures."""
    names = [["nesting", "order", "misuse", "history/xen-preempted-before-each-hook"], []][everyday_or_all(0, 1)]
    return units(load(names, LIBRARY), Selection())


def test_a_nested_disable_that_does_not_flush_is_one_cause(selected: tuple[Unit, ...]) -> None:
    found = [*results(selected, "NESTED_DISABLE_NO_FLUSH")]
    (group,) = groups(runs.store(selected, found), {})
    assert len(group.numbers) > 50
    assert {*group.machines} == {"arm64", "s390x", "x86_64"}
    assert {result.api for result in [group.first, *group.others]} == {"merged"}
    sizes = [len([*selected[number].case.walk()]) for number in group.numbers]
    assert sizes == sorted(sizes)
    function = group.function
    assert function is not None
    assert (function.name, function.file) == ("merged_disable", "guest/module/api_merged.c")
    assert "merged_disable(" in (ROOT / function.file).read_text().splitlines()[function.line - 1]
    lines = [line for line in shown(selected, found) if not line.startswith("pass")]
    assert len(lines) <= _LIMIT, "\n".join(lines)
    assert sum(line.startswith("FAIL ") for line in lines) == 1
    assert any("see merged_disable() in guest/module/api_merged.c:" in line for line in lines)


@cache
def misused() -> tuple[Unit, ...]:
    return units(load(["misuse", "parameters"], LIBRARY), Selection(arches=("arm64",), apis=("all",)))


@each_row(
    ("slip", "function"),
    [
        ("RESUME_FORGETS_ENABLED", "amended_resume"),
        ("ENABLE_FLAG_UNCHECKED", "v3_enable"),
        ("DISABLE_EMPTY_UNCHECKED", "merged_disable"),
        ("WITH_PTES_CALLS_ENTER", "with_ptes_enable"),
    ],
)
def test_the_group_names_the_function(slip: str, function: str) -> None:
    store = runs.store(misused(), results(misused(), slip))
    names = {group.function and group.function.name for group in groups(store, {})}
    assert function in names


def test_what_a_personality_decides_is_a_cause_for_each_personality() -> None:
    some = units(load(["batching"], LIBRARY), Selection(apis=("merged",)))
    found = groups(runs.store(some, results(some, "BATCH_OF_191")), {})
    assert {group.function and group.function.name for group in found} <= {"ppc64_write", None}
    assert found


def test_a_hook_that_was_not_called_is_the_cause_and_not_the_steps_before_it(tmp_path: Path) -> None:
    (tmp_path / "hook.yaml").write_text(
        "description: x\nsteps: [enable, enable, disable: {before_hook: [check: {active: true}]}, disable]\n"
    )
    some = units(load([str(tmp_path / "hook.yaml")], LIBRARY), Selection(apis=("merged",), arches=("arm64",)))
    (result,) = results(some, "NESTED_DISABLE_NO_FLUSH")
    assert result.parts[0].what == "step 2 disable: hooks, so that the steps before it did not run"
    assert (result.parts[0].operation, result.parts[0].part) == ("disable", "hooks")


def test_errors_with_one_finding_are_one_cause_whatever_machine_step_and_times(tmp_path: Path) -> None:
    some = runs.selected(tmp_path)
    reason = "{}: the guest hangs: CPU 0 spins in lmm_arch_flush+{}; silent for {} s; last begun: step {} flush (a:1:2)"
    some_results = [
        replace(runs.result(some[0], "error"), reason=reason.format("arm64", "0x30", "2.8", 1)),
        replace(runs.result(some[1], "error"), reason=reason.format("s390x", "0x4", "3.1", 7)),
        replace(runs.result(some[2], "error"), reason="arm64: the guest died: Kernel panic"),
    ]
    assert [len(group.numbers) for group in groups(runs.store(some, some_results), {})] == [2, 1]


def test_every_operation_of_every_revision_has_its_function_in_the_module(tmp_path: Path) -> None:
    result = runs.result(runs.selected(tmp_path)[0], "fail")
    for name, revision in REVISIONS.items():
        for operation in revision.CALLS:
            function = of_operation(replace(result, api=name), operation, None, {})
            assert function is not None, (name, operation)
            assert operation.partition("_")[0] in function.name
            assert (MODULE_SOURCE / Path(function.file).name).is_file()


def test_a_header_and_the_kernel_have_their_own_functions(tmp_path: Path) -> None:
    result = runs.result(runs.selected(tmp_path)[0], "fail")
    text = {"file": "my.h", "functions": [{"operation": "disable", "function": "lazy_mmu_mode_disable", "line": 7}]}
    for impl, operation, expected in (
        ("header", "disable", "lazy_mmu_mode_disable() in my.h:7"),
        ("native", "pause_task", "__task_lazy_mmu_mode_pause() in include/linux/pgtable.h of Linux 6.12.0-test"),
        ("header", "pause_task", "None"),
    ):
        assert str(of_operation(replace(result, impl=impl), operation, None, text)) == expected


@each_row(
    ("reason", "details"),
    [
        ("arm64: the guest hangs: CPU 0 spins in lmm_arch_flush+0x30 [lazymmu], CPU 1 is idle", ""),
        (
            "arm64: the guest died",
            "panic+0x160/0x378\n lmm_arch_flush+0x20/0xe38 [lazymmu]\n merged_disable+0x9/0xb [lazymmu]",
        ),
        ("arm64: the guest died", "RIP: 0010:lmm_arch_flush.isra.0+0x20/0xe38 [lazymmu]"),
    ],
)
def test_a_death_or_a_hang_in_the_module_names_the_function(reason: str, details: str, tmp_path: Path) -> None:
    some = runs.selected(tmp_path)
    (group,) = groups(runs.store(some, [replace(runs.result(some[0], "error", details=details), reason=reason)]), {})
    assert str(group.function).startswith("lmm_arch_flush() in guest/module/hook.c:")
