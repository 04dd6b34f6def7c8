# SPDX-License-Identifier: GPL-2.0-only
"""The prompt of `step`: commands that walk through a case. And the whole walk as text."""

from collections.abc import Callable, Mapping
from contextlib import suppress

from lazymmu.reports import columns, plain, stop
from lazymmu.reports.side_by_side import text
from lazymmu.reports.terminal import STYLES, Terminal
from lazymmu.results.result import Outcome, Unit
from lazymmu.session.walk import Stop, Walk
from lazymmu.support.errors import LazymmuError, UsageError, print_error

_PROMPT = "(step) "
# A stop runs the case up to it, so the time for all stops grows with the square of their number.
_EACH = 200
#: What each command does; its first letter is enough.
COMMANDS: Mapping[str, str] = {
    "next": "run the next step; so does an empty line",
    "continue": "go to the first difference from here on, or to the end",
    "until": "until STEP: go to the step of this number; without one, as continue",
    "back": "restore the state before this step, and replay up to there",
    "run": "run LINE: run a line of YAML here, such as `run set_pte: {index: 0, value: 1}`",
    "quit": "end the guest; so does Ctrl-D",
    "help": "print this",
}


def index(word: str) -> int:
    """Return the number of a step that a user gives. Raises UsageError for another word."""
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise UsageError(f"a step is a number, not `{word}`", hint="`lazymmu predict --trace` shows the numbers")
    return int(word)


def printed(unit: Unit, walk: Walk, terminal: Terminal, first: int) -> int:
    """Print the stops from one on. Returns the exit status. Raises GuestError if the guest is lost."""
    terminal.line(_title(unit, walk), "bold")
    if len(walk) - first >= _EACH:
        end = walk.at(len(walk))
        terminal.line(f"more than {_EACH} steps: each on one line, and the end in full", "dim")
        _columns(end, terminal)
        show(end, terminal)
        return int(end.result.outcome is Outcome.FAIL)
    failed = False
    for number in range(first, len(walk) + 1):
        at = walk.at(number)
        failed |= at.result.outcome is Outcome.FAIL
        show(at, terminal)
    return int(failed)


def _columns(end: Stop, terminal: Terminal) -> None:
    """Print a line for each step of a whole run, or the model's and the guest's if they differ."""
    sides = (end.result.predicted or end.predicted, end.result.observed or end.predicted)
    for model, guest in zip(*(columns.lines(end.case, side) for side in sides), strict=True):
        if model.split() == guest.split():
            terminal.line(f"  {model}")
        else:
            terminal.line(f"{stop.MARK}{model}  (model)\n{stop.MARK}{guest}  (guest)", STYLES[Outcome.FAIL])


def asked(unit: Unit, walk: Walk, terminal: Terminal, first: int) -> int:
    """Do what the user types, until there is no more. Returns 0: to look at a failure is not to fail."""
    # It gives `input` a history and an editor. It changes the terminal only while `input` waits.
    with suppress(ImportError):
        import readline  # noqa: F401
    terminal.line(_title(unit, walk), "bold")
    terminal.line(f"commands: {', '.join(COMMANDS)}", "dim")
    prompt = _Prompt(walk, terminal)
    prompt.go(first)
    while (line := _typed()) is not None:
        name, _, rest = line.strip().partition(" ")
        known = [one for one in COMMANDS if one.startswith(name or "next")]
        try:
            if not known:
                raise UsageError(f"there is no command `{name}`", hint=f"there is: {', '.join(COMMANDS)}")
            if known[0] == "quit":
                break
            prompt.do[known[0]](rest.strip())
        except LazymmuError as error:
            # The walk stays where it is.
            print_error(error)
    return 0


def _typed() -> str | None:
    """Return the next line that the user types; None at the end of the input."""
    try:
        return input(_PROMPT)
    except EOFError:
        print()
        return None


class _Prompt:
    """Where the user is in a walk."""

    def __init__(self, walk: Walk, terminal: Terminal) -> None:
        self._walk = walk
        self._terminal = terminal
        self._number = 0
        self.do: Mapping[str, Callable[[str], None]] = {
            "next": lambda _: self._next(),
            "continue": lambda _: self._difference(),
            "until": self._until,
            "back": lambda _: self._back(),
            "run": self._insert,
            "help": lambda _: self._help(),
        }

    def go(self, number: int) -> None:
        """Go to a stop, and show it."""
        show(self._walk.at(number), self._terminal)
        self._number = number

    def _next(self) -> None:
        if self._number == len(self._walk):
            raise UsageError("this is the last step", hint="back, run LINE and quit are possible")
        self.go(self._number + 1)

    def _back(self) -> None:
        if self._number == 1:
            raise UsageError("this is the first step")
        self.go(self._number - 1)

    def _until(self, word: str) -> None:
        if word:
            self.go(self._walk.number_of(index(word)))
        else:
            self._difference()

    def _difference(self) -> None:
        found = self._walk.first_difference()
        if found is None:
            self._terminal.line("no difference up to the end", STYLES[Outcome.PASS])
        # A difference that was passed is no place to go on to.
        self.go(found if found is not None and found > self._number else len(self._walk))

    def _insert(self, line: str) -> None:
        self.go(self._walk.insert(self._number, line))

    def _help(self) -> None:
        for name, what in COMMANDS.items():
            self._terminal.line(f"{name:<9} {what}")


def show(at: Stop, terminal: Terminal) -> None:
    """Print a stop."""
    around = "".join(f", in step {outer.index} {outer.op}" for outer in reversed(at.around))
    step, result = at.step, at.result
    terminal.line(f"{at.number}/{at.of}  step {step.index} {text(step)} ({step.place}){around}", "bold")
    if at.around:
        terminal.line("  table, tasks and CPUs: as if the steps around it ended here", "dim")
    for line in stop.lines(step, at.case, result.predicted or at.predicted, result.observed or at.predicted):
        terminal.line(f"  {line}", STYLES[Outcome.FAIL] if line.startswith(stop.MARK) else "")
    for part in result.parts:
        for line in plain.difference(part):
            terminal.line(f"  {line}", STYLES[result.outcome])


def _title(unit: Unit, walk: Walk) -> str:
    return f"{unit.label()}: {len(walk)} steps run"
