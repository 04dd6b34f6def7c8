# SPDX-License-Identifier: GPL-2.0-only
"""The end of a run: its exit status, and every report that can be written."""

import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from lazymmu.reports import ci, results_folder
from lazymmu.reports.destination import Target
from lazymmu.reports.formats import FORMATS, Format
from lazymmu.reports.live import logs_scenarios
from lazymmu.reports.results_folder import Folder
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import Outcome
from lazymmu.results.run_summary import RunSummary
from lazymmu.session import manifest
from lazymmu.support.errors import INTERRUPTED, LazymmuError
from lazymmu.support.interrupts import Interrupts


def exit_status(counts: Mapping[str, int], *, no_skip: bool, broken_entries: bool = False) -> int:
    """Return the exit status for so many results of each outcome (docs/command-line.md); known ones do not count."""
    if counts[Outcome.FAIL] or broken_entries:
        return 1
    if counts[Outcome.ERROR] or (no_skip and counts[Outcome.SKIP]):
        return 3
    return 0 if counts[Outcome.PASS] else 2


def report(
    results_status: int,
    folder: Folder,
    summary: RunSummary,
    *,
    targets: Mapping[str, Target],
    terminal: Terminal,
    interrupts: Interrupts,
    log_failures: Sequence[LazymmuError] = (),
    quiet: bool = False,
    begin: float | None = None,
) -> int:
    """Write every report that can be written. Returns the exit status, which run.json has, too.

    `results_status` is the exit status for the results alone, `targets` has the target of each flag, `begin` is the
    monotonic time at which the user began to wait.
    """

    def status(failures: Sequence[Exception]) -> int:
        """Return the exit status. A failed report does not hide a wrong implementation or an interrupt."""
        if interrupts.came:
            return INTERRUPTED
        return LazymmuError.exit_status if failures and results_status != 1 else results_status

    if summary.results.failure is not None:
        log_failures = [summary.results.failure, *log_failures]
    first = status(log_failures)
    summary = replace(
        summary,
        folder=folder.path,
        facts={
            **summary.facts,
            "stopped": summary.stopped,
            **manifest.end(first, datetime.now(UTC), summary.accelerators),
        },
    )

    def on_terminal() -> None:
        with interrupts.bounded("the report on the terminal"):
            scenarios = not logs_scenarios(terminal, summary.results)
            # The folder's reports took some of the user's time, too.
            waited = summary if begin is None else replace(summary, seconds=time.monotonic() - begin)
            terminal.report(waited, folder.path, quiet=quiet, scenarios=scenarios)
            if system is not None:
                for line in system.annotations(summary):
                    terminal.marker(line)

    system = ci.system()
    formats = [form for form in FORMATS.values() if form.FLAG in targets]
    outputs: list[Callable[[], None]] = [on_terminal]
    of_folder = _failures([partial(folder.finish, summary)])
    # Large reports take their time, so those that the folder has are copied.
    written = {} if of_folder else {name: folder.path / file for name, file in results_folder.REPORTS.items()}
    outputs += [
        partial(_write, interrupts, summary, form, targets[form.FLAG], written.get(form.NAME)) for form in formats
    ]
    outputs += [] if system is None else [partial(system.write_summary, summary)]
    # The logs are in the same folder, so a full disk is reported once.
    failures = [*(of_folder or log_failures[:1]), *_failures(outputs)]
    last = status(failures)
    if last != first:
        again = _failures([partial(folder.record, {**summary.facts, "status": last})])
        failures += [] if of_folder else again
    for failure in failures:
        print(f"lazymmu: {failure}", file=sys.stderr)
    return last


def _write(
    interrupts: Interrupts, summary: RunSummary, form: Format, target: Target, written: Path | None = None
) -> None:
    """Write a report; `written` is a file that has it."""
    what = f"{target.flag} `{target.name}`"
    with nullcontext() if target.is_regular() else interrupts.bounded(what), target.opened() as file:
        if written is None:
            form.write(summary, file)
            return
        with written.open(encoding="utf-8", newline="") as text:
            shutil.copyfileobj(text, file)


def _failures(writes: Iterable[Callable[[], None]]) -> list[LazymmuError | OSError]:
    failures: list[LazymmuError | OSError] = []
    for write in writes:
        try:
            write()
        except (LazymmuError, OSError) as error:
            failures.append(error)
    return failures
