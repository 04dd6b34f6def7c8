# SPDX-License-Identifier: GPL-2.0-only
"""Random programs: well-formed ones in the notation of the model's tests, and texts with damage."""

import re
from random import Random

from lazymmu.subject.revisions import REVISIONS

#: Words that a program may have, and words that none has.
_WORDS = (
    *(
        "{",
        "}\n",
        " ",
        "\n",
        "end\n",
        "enable",
        "interrupt",
        "switch main",
        "fork t1",
        "migrate 1",
        "sleep 1001",
        "check",
    ),
    *("0", "00", "-1", "255", "256", "4294967296", "18446744073709551616", "%s%n", "\0", "\t", "\x7f", "\xff"),
)


class _Maker:
    """Makes one program; each step is allowed where it stands."""

    def __init__(self, chance: Random, api: str) -> None:
        self._chance = chance
        self._extended = "enable_with_ptes" in REVISIONS[api].CALLS
        self._task_calls = "pause_task" in REVISIONS[api].CALLS
        self._cpus = {"main": 0}
        self._running = "main"

    def program(self) -> str:
        tasks = []
        for number in range(self._chance.choice((0, 0, 0, 2))):
            self._cpus[f"t{number}"] = self._chance.randint(0, 1)
            tasks.append(f"task(t{number},{self._cpus[f't{number}']})")
        if self._chance.randrange(20) == 0:
            tasks.append(f"{self._chance.randint(250, 260)}*{self._chance.choice('EDPR')}")
        return " ".join([*tasks, self._list(12, "")])

    def _list(self, most: int, inside: str) -> str:
        return " ".join(self._step(inside) for _ in range(self._chance.randint(1, most)))

    def _step(self, inside: str) -> str:
        """Return a step within the lists that `inside` names: [ for a before_hook, or a context's letter."""
        contexts = inside.replace("[", "")
        kind = self._chance.randrange(10)
        if kind < 2 and not inside and len(self._cpus) > 1:
            return self._move()
        if kind == 2 and (not contexts or contexts in "SB"):
            letter = "I" if contexts else self._chance.choice("ISBO")
            return f"{letter}{{{self._list(3, inside + letter)}}}"
        if kind < 6:
            call = self._call()
            opens = self._chance.randrange(4) == 0 and inside.count("[") < 4
            return f"{call}[{self._list(2, inside + '[')}]" if opens else call
        return self._other()

    def _call(self) -> str:
        if self._extended and self._chance.randrange(4) == 0:
            first = self._chance.randint(0, 255)
            return f"X({first},{self._chance.randint(1, 256 - first)})"
        return self._chance.choice("EDPR")

    def _other(self) -> str:
        entry = self._chance.choice((0, 1, 2, 3, 255))
        task = self._chance.choice([*self._cpus])
        others = [f"W({entry},{self._chance.choice((0, 1, 4097, 2**64 - 1))})"] * 3
        others += [f"{name}({entry})" for name in ("clear", "get", "touch", "load")]
        others += ["F", "C", f"C({task})", "tlb"]
        others += [f"pause({task})", f"resume({task})"] if self._task_calls else []
        return self._chance.choice(others)

    def _move(self) -> str:
        other = self._chance.choice([name for name in self._cpus if name != self._running])
        match self._chance.randrange(4):
            case 0:
                self._cpus[self._running] ^= 1
                return f"migrate({self._cpus[self._running]})"
            case 1:
                self._cpus[f"c{len(self._cpus)}"] = self._cpus[self._running]
                return f"fork(c{len(self._cpus) - 1})"
            case 2:
                return f"sleep({self._chance.randint(0, 2)})"
        self._running = other
        return f"switch({other})"


def well_formed(chance: Random, api: str) -> str:
    """Return a random program of a revision, in the notation of tests/unit/subject/notation.py."""
    return _Maker(chance, api).program()


def damaged(chance: Random, text: str) -> bytes:
    """Return the text of a program after a few random changes."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        lines = text.splitlines(keepends=True) or [""]
        line, place = chance.randrange(len(lines)), chance.randrange(len(text) + 1)
        match chance.randrange(8):
            case 0 | 1:
                text = text[:place] + chance.choice(_WORDS) + text[place + chance.choice((0, 1, 8)) :]
            case 2:
                text = "".join(lines[:line] + lines[line + 1 :])
            case 3:
                text = "".join([*lines[:line], chance.choice(lines), *lines[line:]])
            case 4:
                text = text[:place]
            case _:
                text = text[:place] + re.sub(r"\d", str(chance.randrange(10)), text[place:], count=1)
    return text.encode("latin-1")
