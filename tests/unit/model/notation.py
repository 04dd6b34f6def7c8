# SPDX-License-Identifier: GPL-2.0-only
"""Programs in the letters of docs/semantics.md, so that a test reads as the text does.

E D P R X    the calls: enable, disable, pause, resume, enable_with_ptes
F C          flush, check
E[P R]       a call with a before_hook
I{E F}       an interrupt block
256*E        the same step 256 times
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.core.case import Case, Check, Step
from harness.core.errors import Place
from harness.core.trace import Trace
from harness.model import predict

OPERATIONS = {
    "E": "enable",
    "D": "disable",
    "P": "pause",
    "R": "resume",
    "X": "enable_with_ptes",
    "F": "flush",
    "C": "check",
    "I": "interrupt",
}

#: An optional number of times, an operation or a closing bracket, an opening bracket.
_TOKEN = re.compile(r"\s*(?:(?P<times>\d+)\*)?(?P<letter>[EDPRXFCI\]}])(?P<open>[\[{])?\s*")


class _Reader:
    """Reads one text, numbering the steps in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.at = 0
        self.index = 0

    def steps(self) -> Iterator[Step]:
        """Yield the steps up to the bracket that closes this list, or the end of the text."""
        while self.at < len(self.text):
            start = self.at
            token = _TOKEN.match(self.text, start)
            assert token is not None, f"not in the notation: {self.text[start:]!r}"
            if token["letter"] in "]}":
                self.at = token.end()
                return
            for _ in range(int(token["times"] or 1)):
                self.at = token.end()
                yield self._step(token)

    def _step(self, token: re.Match[str]) -> Step:
        """Return one step with its nested ones, numbered after it."""
        operation = OPERATIONS[token["letter"]]
        index, self.index = self.index, self.index + 1
        nested = tuple(self.steps()) if token["open"] else ()
        return Step(
            index=index,
            op=operation,
            place=Place("test", 1, token.start() + 1),
            args={"index": 4, "count": 8} if operation == "enable_with_ptes" else {},
            body=nested if token["open"] == "{" else (),
            before_hook=nested if token["open"] == "[" else (),
            check=Check(pins={}) if operation == "check" else None,
        )


def case(program: str) -> Case:
    """Return the case that a program in the notation stands for."""
    reader = _Reader(program)
    steps = tuple(reader.steps())
    assert reader.at == len(reader.text), f"a bracket too many after {reader.text[: reader.at]!r}"
    return Case(values={}, steps=steps)


def play(program: str, api: str, arch: str = "arm64") -> Trace:
    """Return what the model predicts for a program in the notation."""
    return predict(case(program), api, arch)


def final_state(trace: Trace) -> tuple[int | bool, ...]:
    """Return the main task's state at the end by position: (count, enabled) or (enable_count, pause_count)."""
    return tuple(value for name, value in trace.tasks["main"].items() if name != "active")
