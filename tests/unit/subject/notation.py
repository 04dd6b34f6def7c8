# SPDX-License-Identifier: GPL-2.0-only
"""Programs in the letters of docs/semantics.md, so that a test reads as the text does.

E D P R X    the calls: enable, disable, pause, resume, enable_with_ptes; X(4,8) is X with its usual range
F C          flush, check; C(other) is a check of that task
W(3)         set_pte of entry 3, to the value `valid(3)`, 0x4001; W(3,101) to 101; W(0..7) is W(0) to W(7)
clear(3) get(3) touch(3) load(3) tlb
             the others on the table, and tlb_flush
task(other,1)
             not a step: a declared task, on CPU 1
switch(other) migrate(1) sleep(5) fork(child) pause(other) resume(other)
             tasks; the last two are pause_task and resume_task
E[P R]       a call with a before_hook
I{} S{} B{} O{}
             contexts: interrupt, softirq, bh_disabled, irqs_off
meanwhile(other){}
             steps of another task on the other CPU
might peek(3)
             might_sleep; what is in memory
256*E        the same step 256 times
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from lazymmu.subject.case import Case, Check, Step
from lazymmu.subject.operations import OPERATIONS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import Misplaced, Place

#: Word -> operation, where it is not the operation's own name.
WORDS = {
    "E": "enable",
    "D": "disable",
    "P": "pause",
    "R": "resume",
    "X": "enable_with_ptes",
    "F": "flush",
    "C": "check",
    "W": "set_pte",
    "clear": "clear_pte",
    "get": "get_pte",
    "tlb": "tlb_flush",
    "might": "might_sleep",
    "pause": "pause_task",
    "resume": "resume_task",
    "I": "interrupt",
    "S": "softirq",
    "B": "bh_disabled",
    "O": "irqs_off",
}

#: An optional number of times, an operation or a closing bracket, arguments, an opening bracket.
_TOKEN = re.compile(
    r"\s*(?:(?P<times>\d+)\*)?(?P<word>[A-Za-z]+|[\]}])(?:\((?P<arguments>[^)]*)\))?(?P<open>[\[{])?\s*"
)


def valid(index: int) -> int:
    """Return the value that W(index) stores: bit 0 is set, and no two entries have the same."""
    return 0x1000 * (index + 1) + 1


def _writes(entries: re.Match[str]) -> str:
    """Return the writes that W(first..last) means."""
    return " ".join(f"W({entry})" for entry in range(int(entries[1]), int(entries[2]) + 1))


class _Reader:
    """Reads one text, numbering the steps in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = re.sub(r"\bW\((\d+)\.\.(\d+)\)", _writes, text.strip())
        self.at = 0
        self.index = 0
        self.tasks: dict[str, int] = {}

    def steps(self) -> Iterator[Step]:
        """Yield the steps up to the bracket that closes this list, or the end of the text."""
        while self.at < len(self.text):
            start = self.at
            token = _TOKEN.match(self.text, start)
            assert token is not None, f"not in the notation: {self.text[start:]!r}"
            if token["word"] in "]}":
                self.at = token.end()
                return
            if token["word"] == "task":
                name, cpu = token["arguments"].split(",")
                self.tasks[name] = int(cpu)
                self.at = token.end()
                continue
            for _ in range(int(token["times"] or 1)):
                self.at = token.end()
                yield self._step(token)

    def _step(self, token: re.Match[str]) -> Step:
        """Return one step with its nested ones, numbered after it."""
        operation = WORDS.get(token["word"], token["word"])
        names = tuple(argument.name for argument in OPERATIONS[operation].args)
        index, self.index = self.index, self.index + 1
        arguments = self._arguments(operation, names, token["arguments"] or "")
        nested = tuple(self.steps()) if token["open"] else ()
        return Step(
            index=index,
            op=operation,
            place=Place("test", 1, token.start() + 1),
            args=arguments,
            body=nested if token["open"] == "{" else (),
            before_hook=nested if token["open"] == "[" else (),
            check=Check(pins={}, task=str(arguments["task"]) if arguments else None) if operation == "check" else None,
        )

    def _arguments(self, operation: str, names: tuple[str, ...], text: str) -> dict[str, int | str]:
        """Return the arguments of a step, those that the notation leaves out included."""
        words = [word.strip() for word in text.split(",") if word]
        if operation == "enable_with_ptes" and not words:
            words = ["4", "8"]
        if operation == "set_pte" and len(words) == 1:
            words.append(str(valid(int(words[0]))))
        assert len(words) == len(names) or operation == "check", f"{operation} takes {names}, not {text!r}"
        return {
            name: word if name == "task" else int(word, 0)
            for name, word in zip(names[: len(words)], words, strict=True)
        }


@lru_cache(maxsize=1024)
def case(program: str) -> Case:
    """Return the case of a program in the notation."""
    reader = _Reader(program)
    steps = tuple(reader.steps())
    assert reader.at == len(reader.text), f"a bracket too many after {reader.text[: reader.at]!r}"
    return Case(values={}, steps=steps, tasks=reader.tasks)


def play(program: str, api: str, arch: str = "arm64") -> Trace:
    """Return what the model predicts for a program in the notation, which comes to its end."""
    return to_the_end(case(program), api, arch)


def to_the_end(played: Case, api: str, arch: str) -> Trace:
    """Return what the model predicts for a case that comes to its end."""
    return predict(played, api, arch)


def misplaced(program: str, api: str = "merged", arch: str = "arm64") -> str:
    """Return the column and the message of the step that the model does not play; empty if it plays all."""
    try:
        predict(case(program), api, arch)
    except Misplaced as error:
        (problem,) = error.problems
        return f"{problem.place.column}: {problem.message}"
    return ""


def final_state(trace: Trace, task: str = "main") -> tuple[int | bool, ...]:
    """Return a task's state at the end by position, as (count, enabled) or (enable_count, pause_count)."""
    state = trace.tasks[task]
    # The revision's own names come first; v4 has a flag that is called `active` itself.
    return tuple(state.values()) if "nesting_level" in state else tuple(state.values())[:-1]
