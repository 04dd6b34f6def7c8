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
        "might_sleep",
        "meanwhile t0 {",
    ),
    *("0", "00", "-1", "255", "256", "4294967296", "18446744073709551616", "%s%n", "\0", "\t", "\x7f", "\xff"),
)


class _Maker:
    """Makes one program; each step is allowed by the text where it stands.

    Which of them run is not known, so a few steps are misplaced when they run: a switch to the running task, for one.
    """

    def __init__(self, chance: Random, api: str) -> None:
        self._chance = chance
        self._extended = "enable_with_ptes" in REVISIONS[api].CALLS
        self._task_calls = "pause_task" in REVISIONS[api].CALLS
        #: Task -> the CPU where it is, if every step ran.
        self._cpus = {"main": 0}
        self._running = "main"
        #: How many steps of twelve move a task or let another run beside it.
        self._moves = chance.choice((1, 2, 5))
        self._calls = chance.choice(("EEDDPRF", "EEEEDPRF", "EPRFD", "EEF"))

    def program(self) -> str:
        tasks = []
        for number in range(self._chance.choice((0, 1, 2, 3))):
            self._cpus[f"t{number}"] = self._chance.choice((0, 1, 1))
            tasks.append(f"task(t{number},{self._cpus[f't{number}']})")
            if self._chance.randrange(3) == 0:
                tasks.append(f"switch(t{number}) E switch(main)")
        if self._chance.randrange(20) == 0:
            tasks.append(f"{self._chance.randint(250, 260)}*{self._chance.choice('EDPR')}")
        return " ".join([*tasks, self._list(24, "")])

    def _list(self, most: int, inside: str) -> str:
        return " ".join(self._step(inside) for _ in range(self._chance.randint(1, most)))

    def _step(self, inside: str) -> str:
        """Return a step within the lists that `inside` names: [ a before_hook, M a meanwhile, or a context's letter."""
        contexts = inside.rpartition("M")[2].replace("[", "")
        kind = self._chance.randrange(12)
        if kind < self._moves and not inside.replace("[", ""):
            if kind % 2 and (others := self._elsewhere()):
                return self._meanwhile(self._chance.choice(others), inside)
            return self._move()
        if kind < 2 and (not contexts or contexts in "SB"):
            letter = "I" if contexts else self._chance.choice("ISBO")
            return f"{letter}{{{self._list(3, inside + letter)}}}"
        if kind == 2 and not {*"MIS"} & {*inside} and (others := self._elsewhere()):
            return self._meanwhile(self._chance.choice(others), inside)
        if kind < 8:
            call = self._call()
            opens = self._chance.randrange(4) == 0 and inside.count("[") < 4
            return f"{call}[{self._before_hook(inside)}]" if opens else call
        return self._other()

    def _elsewhere(self) -> list[str]:
        """Return the tasks of the other CPU."""
        return [name for name, cpu in self._cpus.items() if cpu != self._cpus[self._running]]

    def _meanwhile(self, task: str, inside: str) -> str:
        running, self._running = self._running, task
        steps = self._list(4, inside + "M")
        self._running = running
        return f"meanwhile({task}){{{steps}}}"

    def _before_hook(self, inside: str) -> str:
        """Return a list that nearly always ends in the task in which it began."""
        running = self._running
        steps = self._list(3, inside + "[")
        if self._running != running and self._chance.randrange(20):
            self._running = running
            steps += f" switch({running})"
        return steps

    def _call(self) -> str:
        if self._extended and self._chance.randrange(3) == 0:
            first = self._chance.choice((0, 0, 1, 2, self._chance.randint(0, 255)))
            return f"X({first},{min(self._chance.choice((1, 2, 3, 256)), 256 - first)})"
        return self._chance.choice(self._calls)

    def _other(self) -> str:
        entry = self._chance.choice((0, 1, 2, 3, 255))
        task = self._chance.choice([*self._cpus])
        write = f"W({entry},{self._chance.choice((0, 1, 3, 4097, 2**64 - 1))})"
        others = [write] * 8 + [f"clear({entry})"] * 2
        others += [f"{name}({entry})" for name in ("get", "touch", "touch", "load", "peek")]
        others += ["C", f"C({task})", "tlb", "might"]
        if self._chance.randrange(16) == 0:
            # Around the lengths at which queues and batches are full.
            return f"{self._chance.choice((29, 30, 31, 32, 33, 190, 191, 192, 193))}*{write}"
        others += [f"pause({task})", f"resume({task})"] if self._task_calls else []
        return self._chance.choice(others)

    def _move(self) -> str:
        match self._chance.randrange(6):
            case 0:
                self._cpus[self._running] ^= 1
                return f"migrate({self._cpus[self._running]})"
            case 1:
                self._cpus[f"c{len(self._cpus)}"] = self._cpus[self._running]
                return f"fork(c{len(self._cpus) - 1})"
            case 2:
                return "sleep(0)"
        others = [name for name in self._cpus if name != self._running]
        if not others or self._chance.randrange(50) == 0:
            return f"switch({self._running})" if self._chance.randrange(4) == 0 else self._call()
        self._running = self._chance.choice(others)
        return f"switch({self._running})"


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
