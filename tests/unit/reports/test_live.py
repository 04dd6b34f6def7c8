# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees: lines of machines on a terminal while a run is under way, and the report, also in a log."""

import io
import os
import pty
import re
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from lazymmu.reports.live import LiveView, logs_scenarios
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import Outcome, Unit
from lazymmu.results.store import ResultStore
from msgspec.structs import replace

from tests.unit import runs

_HIDDEN, _SHOWN = "\x1b[?25l", "\x1b[?25h"


def show(terminal: Terminal, units: tuple[Unit, ...], *, quiet: bool = False, verbose: bool = False) -> None:
    """Show a run with a pass, a failure, a known failure and an error, and its report."""
    store = ResultStore(units)
    results = [
        runs.result(units[0], "pass"),
        runs.result(units[1], "fail", "f"),
        replace(runs.result(units[2], "fail", "g"), known="bug 7"),
        runs.result(units[3], "error", "the guest died", "last words"),
    ]
    with LiveView(terminal, store, quiet=quiet, verbose=verbose).shown() as view:
        for arch in runs.ARCHES:
            view.changed(arch, "running")
        view.changed("arm64 #2", "restoring")
        for result in results:
            store.add(result)
            view.show_result(result)
        view.changed("arm64", "done")
    summary = replace(runs.summary(units, []), results=store)
    terminal.report(summary, Path("results"), quiet=quiet, scenarios=not logs_scenarios(terminal, store))


def logged(units: tuple[Unit, ...], *, quiet: bool = False, verbose: bool = False) -> list[str]:
    """Return the lines of a log."""
    stream = io.StringIO()
    show(Terminal(stream), units, quiet=quiet, verbose=verbose)
    return stream.getvalue().splitlines()


REPORT = [
    "known nesting/deep on arm64: 1 pass, 1 known",
    "fail  nesting/deep on s390x: 1 fail, 1 error",
    "fail  nesting/deep: 1 pass, 1 fail, 1 error, 1 known",
    "FAIL nesting/deep[depth=1] merged on s390x",
]
LAST = "1 pass, 1 fail, 1 error, 0 skip, 1 known in 2.0 s"


def test_a_log_has_each_scenario_as_it_ends_on_a_machine_and_the_report(units: tuple[Unit, ...]) -> None:
    lines = logged(units)
    assert lines[:4] == REPORT
    assert lines[-1] == LAST
    assert "    last words" in lines
    assert "known fail nesting/deep[depth=2] merged on arm64: bug 7" in lines


def test_verbose_shows_each_unit_as_it_ends(units: tuple[Unit, ...]) -> None:
    lines = logged(units, verbose=True)
    units_shown = [
        "pass  nesting/deep[depth=1] merged on arm64 (0.25 s)",
        "fail  nesting/deep[depth=1] merged on s390x (0.25 s): f",
        "known fail nesting/deep[depth=2] merged on arm64 (0.25 s): bug 7",
        "error nesting/deep[depth=2] merged on s390x (0.25 s): the guest died",
    ]
    assert lines[:6] == [*units_shown[:3], REPORT[0], units_shown[3], REPORT[1]]
    assert lines[6:] == logged(units)[2:]


def test_quiet_shows_failures_and_the_last_line(units: tuple[Unit, ...]) -> None:
    lines = logged(units, quiet=True)
    assert "    last words" in lines
    assert [line for line in lines if line[0] != " "] == [
        "FAIL nesting/deep[depth=1] merged on s390x",
        "ERROR nesting/deep[depth=2] merged on s390x",
        LAST,
    ]


def test_notes_are_in_the_report_and_not_with_quiet(units: tuple[Unit, ...]) -> None:
    for quiet in (False, True):
        stream = io.StringIO()
        run = replace(runs.summary(units, []), notes=["x.yaml:1:2: note: one", "note: two"])
        Terminal(stream).report(run, Path("results"), quiet=quiet)
        noted = [line for line in stream.getvalue().splitlines() if "note: " in line]
        assert noted == ([] if quiet else ["x.yaml:1:2: note: one", "note: two"])


def test_a_cause_is_shown_once_with_the_names_and_counts_of_the_others(units: tuple[Unit, ...]) -> None:
    many = runs.numbered(replace(unit, repetition=one) for unit in units for one in range(1, 11))
    stream = io.StringIO()
    Terminal(stream).report(runs.summary(many, ["skip"] * len(many)), Path("results"))
    lines = stream.getvalue().splitlines()
    assert lines[:6] == [
        "skip  nesting/deep: 40 skip",
        "SKIP nesting/deep[depth=1] merged on arm64, repetition 1",
        "    why",
        "    console",
        "    the same in 79 more, in all 40 on arm64, 40 on s390x:",
        "        nesting/deep (40), nesting/plain (20), pause/plain (20)",
    ]


def on_terminal(act: Callable[[Terminal], None]) -> tuple[str, bool]:
    """Return what a real terminal gets, and whether its settings are restored."""
    master, slave = pty.openpty()
    got: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            got.append(data)

    termios.tcsetwinsize(slave, (24, 120))
    before = termios.tcgetattr(slave)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        with os.fdopen(slave, "w", encoding="utf-8", closefd=False) as stream:
            act(Terminal(stream))
        after = termios.tcgetattr(slave)
    finally:
        os.close(slave)
        reader.join(timeout=10)
        os.close(master)
    return b"".join(got).decode(), before == after


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings of this machine that decide what a terminal is."""
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_has_a_line_for_each_machine_and_failures_above(units: tuple[Unit, ...]) -> None:
    shown, _ = on_terminal(lambda terminal: show(terminal, units))
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", plain(shown))]
    assert any(re.fullmatch(r"arm64 +waiting +0/4 +0\.\d s", line) for line in lines)
    live = lines[: lines.index(REPORT[2])]
    assert any(re.fullmatch(r"arm64 +done +2/4 +\d\.\d s", line) for line in live)
    assert any(re.fullmatch(r"s390x +running +2/4 +\d\.\d s", line) for line in live)
    assert any(re.fullmatch(r"arm64 #2 +restoring +\d\.\d s", line) for line in live)
    for line in ("fail  nesting/deep[depth=1] merged on s390x (0.25 s): f", "known fail nesting/deep[depth=2]"):
        assert any(one.startswith(line) for one in live)
    assert not any(line.startswith("pass  nesting/deep[depth=1]") for line in lines)
    assert lines[-2] == LAST


def test_quiet_draws_nothing(units: tuple[Unit, ...]) -> None:
    shown, _ = on_terminal(lambda terminal: show(terminal, units, quiet=True))
    assert _HIDDEN not in shown
    assert plain(shown).replace("\r\n", "\n").splitlines() == logged(units, quiet=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_terminal_is_restored_after_an_exception(units: tuple[Unit, ...], error: type[BaseException]) -> None:
    def broken(terminal: Terminal) -> None:
        with pytest.raises(error), LiveView(terminal, ResultStore(units)).shown():
            raise error

    shown, same = on_terminal(broken)
    assert same
    assert shown.count(_HIDDEN) == shown.count(_SHOWN) == 1
    assert shown.rindex(_SHOWN) > shown.rindex(_HIDDEN)


def test_a_terminal_that_cannot_be_written_does_not_stop_a_machine(units: tuple[Unit, ...]) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115  (closing it fails, too)
    try:
        with LiveView(Terminal(full), ResultStore(units), verbose=True).shown() as view:
            for _ in range(3):
                view.show_result(runs.result(units[0], Outcome.PASS))
    finally:
        with suppress(OSError):
            full.close()
