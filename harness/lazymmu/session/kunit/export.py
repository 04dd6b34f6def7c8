# SPDX-License-Identifier: GPL-2.0-only
"""Writes scenarios as a KUnit suite in C, with the model's predictions as its expectations.

A test calls the kernel's own functions, and sees what any code sees: the answer of is_lazy_mmu_mode_active(), the state
of its task, and, with CONFIG_DEBUG_VM, the kernel's warnings. Operations that need more are refused. Pins of what it
cannot see, such as hooks, are left out and named. It follows mm/tests/lazy_mmu_mode_kunit.c.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.reports.plain import filled
from lazymmu.results.result import Difference, Unit
from lazymmu.session.verdict import pins
from lazymmu.subject.case import Scenario, Step
from lazymmu.subject.limits import MAIN_TASK
from lazymmu.subject.operations import OPERATIONS, Kind
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import StepTrace, Trace
from lazymmu.support.errors import Place, Problem, ScenarioError

#: The revision of the kernels that have KUnit tests of lazy MMU mode.
API = "merged"
_SUITE = "lazy_mmu_mode_scenarios"
_FUNCTIONS = {
    "enable": "lazy_mmu_mode_enable",
    "disable": "lazy_mmu_mode_disable",
    "pause": "lazy_mmu_mode_pause",
    "resume": "lazy_mmu_mode_resume",
    "flush": "arch_flush_lazy_mmu_mode",
}
_WHY_NOT = {
    Kind.CALL: "the kernel has no such function",
    Kind.TASK_CALL: "only an architecture may call that",
    Kind.TABLE: "the page table is the harness's own",
    Kind.TASK: "a KUnit case is one task, and code in a section may not sleep on every architecture",
    Kind.SLEEP_CHECK: "the kernel does not tell",
    Kind.MEANWHILE: "a KUnit case is one task",
    Kind.CONTEXT: "an expectation of KUnit may sleep",
}
_PINS = frozenset({"active", "depth", "pause_count", "warnings"})
# So many equal calls in a row are a loop.
_LOOP = 4


class KunitCase(Struct, frozen=True):
    """One case of a scenario as a test function."""

    unit: Unit
    #: The name of the function.
    name: str
    predicted: Trace
    #: The author's pins that do not hold in the model.
    broken: Sequence[Difference]
    #: Place and name of each pin that a test cannot see.
    hidden: Sequence[tuple[Place, str]]

    @property
    def about(self) -> str:
        """The comment above the function: what the scenario is about, and what of it is not in the test."""
        scenario = self.unit.scenario
        paragraphs = [f"{self.unit.case_name()}: {scenario.description}"]
        if self.hidden:
            names = ", ".join(dict.fromkeys(pin for _, pin in self.hidden))
            paragraphs.append(f"A KUnit test cannot see what the scenario says of: {names}.")
        return _comment(paragraphs)

    @property
    def has_loops(self) -> bool:
        """Whether the function needs a variable."""
        return any(len(calls) >= _LOOP for calls in _calls(self))

    @property
    def body(self) -> str:
        """The lines of the function."""
        return "\n\n".join(_blocks(self))


class _Call(Struct, frozen=True):
    """A call, and the state after it."""

    step: Step
    record: StepTrace
    #: Change of enable_count and pause_count.
    change: tuple[int, int]
    #: What it adds to the kernel's warnings.
    warnings: int


def cases(scenarios: Sequence[Scenario]) -> list[KunitCase]:
    """Return the cases of scenarios as tests. Raises ScenarioError with all that KUnit cannot express."""
    problems: dict[Problem, None] = {}
    made: list[KunitCase] = []
    for scenario in scenarios:
        if API not in scenario.apis:
            about = ", ".join(scenario.apis)
            message = f"the scenario is about {about}, and KUnit can test only {API}, the API of Linux 7.0 and later"
            problems[Problem(Place(scenario.path, 1, 1), message)] = None
            continue
        wrong = dict.fromkeys(one for case in scenario.cases for step in case.walk() for one in _inexpressible(step))
        problems |= wrong
        if wrong:
            continue
        # Without a switch and a page table, all personalities are the same.
        arch, personality = next(iter(scenario.arches or architectures())), scenario.personalities[0]
        for number in range(len(scenario.cases)):
            unit = Unit(scenario, number, API, arch, given_personality=personality)
            predicted = predict(unit.case, API, personality)
            problems |= dict.fromkeys(_unbalanced(unit, predicted))
            broken = pins(unit, unit.case, predicted, "the model says")
            made.append(KunitCase(unit, _function(unit, made), predicted, broken, [*_hidden(unit)]))
    if problems:
        raise ScenarioError(list(problems))
    return made


def suite_name(file: str) -> str:
    """Return the name of the suite in a file with this name, which has no suffix."""
    name = _word(file).removesuffix("_test").removesuffix("_kunit")
    return name if name[:1].isalpha() else f"{_SUITE}{f'_{name}' if name else ''}"


def text(suite: str, tests: Sequence[KunitCase]) -> str:
    """Return the C file of a suite."""
    misuse = any(call.warnings for test in tests for calls in _calls(test) for call in calls)
    values = {"suite": suite, "tests": tests, "misuse": misuse}
    return "".join(filled(Path(__file__).with_name("suite.c.jinja"), **values)) + "\n"


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _function(unit: Unit, others: Sequence[KunitCase]) -> str:
    name = f"test_{_word(unit.case_name())}"
    same = sum(other.name == name or other.name.startswith(f"{name}__") for other in others)
    return f"{name}__{same + 1}" if same else name


def _comment(paragraphs: Sequence[str]) -> str:
    lines = [""]
    for paragraph in paragraphs:
        plain = " ".join(paragraph.split()).replace("*/", "* /").replace("/*", "/ *")
        lines += [*textwrap.wrap(plain, 75), ""]
    return "/*" + "\n".join(f" * {line}".rstrip() for line in lines[:-1]).removeprefix(" *") + "\n */"


def _inexpressible(step: Step) -> Iterator[Problem]:
    """Yield what KUnit cannot express of a step."""
    if step.op not in _FUNCTIONS and step.check is None:
        yield Problem(step.place, f"KUnit cannot express `{step.op}`: {_WHY_NOT[OPERATIONS[step.op].kind]}")
    if step.before_hook:
        yield Problem(step.place, "KUnit cannot express `before_hook`: nothing runs between a call and its hook")
    if step.check and step.check.task not in (None, MAIN_TASK):
        yield Problem(step.place, "KUnit cannot express `task` of a check: a KUnit case is one task")


def _unbalanced(unit: Unit, predicted: Trace) -> Iterator[Problem]:
    """Yield the steps that leave lazy MMU mode more often than it was entered.

    Where entering turns preemption off (powerpc), they would turn on what others turned off.
    """
    entered = 0
    places = {step.index: step.place for step in unit.case.steps}
    for record in predicted.steps:
        entered += record.hooks.count("e") - record.hooks.count("l")
        if entered < 0:
            why = "it leaves the mode once more than it was entered, which breaks kernels whose hooks count (powerpc)"
            yield Problem(places[record.index], f"KUnit cannot express `{record.op}` here: {why}")
            return


def _hidden(unit: Unit) -> Iterator[tuple[Place, str]]:
    """Yield each pin that the case has and a test cannot see."""
    for step in unit.case.steps:
        if step.check and (step.check.apis is None or API in step.check.apis):
            yield from ((step.place, pin) for pin in step.check.pins if pin not in _PINS)
    for part in unit.case.expect:
        if part.api in (None, API):
            words = part.value if part.key == "counters" and isinstance(part.value, dict) else [part.key]
            # The state of tasks at the end is that after the last step.
            yield from ((part.place, word) for word in words if word not in (*_PINS, "tasks"))


def _calls(test: KunitCase) -> Iterator[list[_Call]]:
    """Yield the calls of a test in groups: those that can be a loop together."""
    steps = {step.index: step for step in test.unit.case.steps}
    made: list[_Call] = []
    before, warnings = (0, 0), 0
    for record in test.predicted.steps:
        state = _state(record)
        if steps[record.index].check is None:
            change = ((state[0] - before[0] + 1) % 256 - 1, (state[1] - before[1] + 1) % 256 - 1)
            total = record.counters.get("warnings", warnings)
            made.append(_Call(steps[record.index], record, change, total - warnings))
            before, warnings = state, total
    for _, group in groupby(made, key=_loop):
        calls = list(group)
        yield from [calls] if len(calls) >= _LOOP else ([call] for call in calls)


def _loop(call: _Call) -> object:
    """Return what calls in a loop have in common."""
    step = call.step
    alone = step.index if step.begins or step.ends or call.warnings else None
    return step.op, step.place, call.change, call.record.active, alone


def _state(record: StepTrace) -> tuple[int, int]:
    return int(record.state["enable_count"]), int(record.state["pause_count"])


def _blocks(test: KunitCase) -> Iterator[str]:
    """Yield the parts of a function's body, between which there is an empty line."""
    name = test.unit.scenario.name
    indent = "\t"
    yield f"{indent}expect_state(test, {_where(name)}, false, 0, 0);"
    entered = sum({"e": 1, "l": -1}.get(letter, 0) for letter in test.predicted.hooks)
    for calls in _calls(test):
        first = calls[0]
        lines = [f"\t{line}" if first.step.begins or first.step.ends else line for line in _lines(name, calls)]
        indent = indent[1:] if first.step.ends else indent
        lines = [*(["{"] if first.step.begins else []), *lines, *(["}"] if first.step.ends else [])]
        yield "\n".join(f"{indent}{line}" for line in lines)
        indent = f"{indent}\t" if first.step.begins else indent
    end = test.predicted.tasks[MAIN_TASK]
    if entered or end["enable_count"] or end["pause_count"]:
        yield "\n".join(
            (
                "\t/* The scenario ends in a section or a pause. The thread must not. */",
                *(["\tarch_leave_lazy_mmu_mode();"] * entered),
                "\tcurrent->lazy_mmu_state = (struct lazy_mmu_state) {};",
            )
        )


def _lines(name: str, calls: Sequence[_Call]) -> Iterator[str]:
    first = calls[0]
    call = f"{_FUNCTIONS[first.step.op]}();"
    counts = [
        f"{value} {'+' if change > 0 else '-'} i" if change and len(calls) > 1 else str(value)
        for value, change in zip(_state(first.record), first.change, strict=True)
    ]
    active = "true" if first.record.active else "false"
    expectation = f"expect_state(test, {_where(name, first.step.place.line)}, {active}, {', '.join(counts)});"
    if len(calls) > 1:
        yield from (f"for (i = 0; i < {len(calls)}; i++) {{", f"\t{call}", f"\t{expectation}", "}")
    elif first.warnings:
        count = "KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, IS_ENABLED(CONFIG_DEBUG_VM));"
        yield from ("kunit_warning_suppress(test) {", f"\t{call}", f"\t{count}", "}", expectation)
    else:
        yield from (call, expectation)


def _where(name: str, line: int | None = None) -> str:
    """Return the place of a step as a string of C."""
    plain = re.sub(r'[^ -~]|["\\]', "_", name)
    return f'"{plain}{"" if line is None else f":{line}"}"'
