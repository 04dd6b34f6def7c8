# SPDX-License-Identifier: GPL-2.0-only
"""The examples of `examples/*.yaml`: programs with what docs/semantics.md says about them, worked out by hand.

An item has a program (`do`, in the notation) and what is seen of it where: the revisions and architectures that a key
names, or all that have its operations, `everywhere`. `@` is each context that is in interrupt, `#` each in which no
task may sleep, and LEAVE each operation that may sleep: the item is one example for each.

answers       of touch, get_pte, clear_pte, load and peek; none unless given
outstanding   entries outstanding at the end; 0 unless given
hooks         letters of the hooks called; e1: the task is active as seen from inside; 254*f1: 254 times f1
ends          the state at the end by position, as (nesting_level, active) or (enable_count, pause_count), and whether
              the task is active; of all tasks, in the order of the trace
warnings      0 unless given where `ends` is
states tasks actives outstandings
              of each record: state, task, whether it has the task active, and entries outstanding
table         memory's entries that are not 0 at the end
sleeps        the counter atomic_sleeps; 0 unless given
deferred ...  a counter
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from lazymmu.scenario.strict_yaml.compose import PARSER
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS, revisions_with
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from msgspec import Struct

from .notation import case, final_state

EVERY_ARCH = tuple(PERSONALITIES)
FOLDER = Path(__file__).parent / "examples"
FILES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
VARIANTS = {
    "@": ("I", "S", "B"),
    "#": ("I", "S", "B", "O"),
    "LEAVE": ("switch(other)", "migrate(1)", "sleep(1)", "fork(child)"),
}

#: What may be pinned beside hooks and counters -> how it is seen in a trace.
SEEN: dict[str, Callable[[Trace], object]] = {
    "answers": lambda trace: [*(trace.values or ())],
    "sleeps": lambda trace: trace.counters["atomic_sleeps"],
    "outstanding": lambda trace: trace.outstanding,
    "ends": lambda trace: {name: _ends(trace, name) for name in trace.tasks},
    "states": lambda trace: [_words(step.state.values()) for step in trace.steps],
    "tasks": lambda trace: [step.task for step in trace.steps],
    "actives": lambda trace: [int(step.active) for step in trace.steps],
    "outstandings": lambda trace: [step.outstanding for step in trace.steps],
    "table": lambda trace: [*(trace.table or {}).items()],
}


def _words(state: Iterable[int | bool]) -> str:
    """Return a task's state as the files have it."""
    return " ".join({True: "on", False: "off"}[one] if isinstance(one, bool) else str(one) for one in state)


def _ends(trace: Trace, task: str) -> str:
    """Return a task's state at the end as the files have it."""
    return _words(final_state(trace, task)) + (" active" if trace.tasks[task]["active"] else "")


def _meant(pin: str, value: Any) -> object:
    """Return what a file's value means, as SEEN has it."""
    if pin in {"answers", "actives", "outstandings"}:
        return [int(number, 0) for number in str(value).split()]
    if pin == "ends":
        return value if isinstance(value, dict) else {"main": value}
    if pin == "table":
        return [*value.items()]
    return value.split("; " if pin == "states" else " ") if pin in {"states", "tasks"} else value


def _hooks(text: str) -> tuple[str, str]:
    """Return letters and digits of `e0 254*f1 l0`."""
    calls = re.findall(r"(?:(\d+)\*)?([a-z])(\d?)", text.replace("none", ""))
    letters, digits = ("".join(call[at] * int(call[0] or 1) for call in calls) for at in (1, 2))
    return letters, digits


class Example(Struct, frozen=True):
    """One program under one revision on one architecture."""

    what: str
    program: str
    api: str
    arch: str
    pins: Mapping[str, Any]

    def differences(self, trace: Trace) -> list[str]:
        """Return what in a trace is not as this example has it."""
        unless_given = {"answers": "", "outstanding": 0, "sleeps": 0}
        pins = {**unless_given, **({"warnings": 0} if "ends" in self.pins else {}), **self.pins}
        pairs: dict[str, tuple[object, object]] = {}
        if "hooks" in pins:
            letters, digits = _hooks(pins.pop("hooks"))
            pairs = {"hooks": (trace.hooks, letters), "inside": (trace.hook_active if digits else "", digits)}
        for pin, value in pins.items():
            pairs[pin] = (SEEN[pin](trace) if pin in SEEN else trace.counters[pin], _meant(pin, value))
        return [f"{pin}: {got!r}, not {wanted!r}" for pin, (got, wanted) in pairs.items() if got != wanted]

    def wrong(self, api: str | None = None) -> list[str]:
        """Return where the simulator does not agree, under this revision or another."""
        return self.differences(predict(case(self.program), api or self.api, self.arch))


def _places(key: str, program: str) -> Iterator[tuple[str, str]]:
    """Yield the revisions and architectures that a key means; a comma separates such lists."""
    for part in key.split(", "):
        words = {*part.replace("everywhere", "").split()}
        assert words <= {*REVISIONS, *EVERY_ARCH}, part
        apis = words & {*REVISIONS} or frozenset.intersection(
            *(revisions_with(step.op) for step in case(program).walk())
        )
        yield from product(sorted(apis), sorted(words & {*EVERY_ARCH} or EVERY_ARCH))


def _programs(text: str) -> list[str]:
    """Return a program once for each of its variants."""
    sign = next((sign for sign in VARIANTS if sign in text), "")
    return [text.replace(sign, variant) for variant in VARIANTS[sign]] if sign else [text]


@cache
def examples(file: str) -> tuple[Example, ...]:
    """Return the examples of a file."""
    return tuple(
        Example(item["what"], program, api, arch, pins)
        for item in yaml.load((FOLDER / f"{file}.yaml").read_text(), PARSER)  # noqa: S506  (a safe one)
        for program in _programs(item["do"])
        for key, pins in item.items()
        if key not in {"what", "do"}
        for api, arch in _places(key, program)
    )
