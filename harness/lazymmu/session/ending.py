# SPDX-License-Identifier: GPL-2.0-only
"""The end of a run: writes all reports, even if one of them fails or an interrupt comes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from lazymmu.reports.destination import Target
from lazymmu.reports.formats import FORMATS, Format
from lazymmu.reports.results_folder import Folder
from lazymmu.reports.terminal import Terminal
from lazymmu.results.run_summary import RunSummary
from lazymmu.session import manifest
from lazymmu.support.errors import INTERRUPTED, LazymmuError
from lazymmu.support.interrupts import Interrupts


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
) -> int:
    """Write every report that can be written. Returns the exit status, which run.json has, too.

    `results_status` is the exit status for the results alone, `targets` has the target of each flag.
    """

    def status(failures: Sequence[Exception]) -> int:
        """Return the exit status. A failed report does not hide a wrong implementation or an interrupt."""
        if interrupts.came:
            return INTERRUPTED
        return LazymmuError.exit_status if failures and results_status != 1 else results_status

    if summary.results.failure is not None:
        log_failures = [summary.results.failure, *log_failures]
    first = status(log_failures)
    summary = replace(summary, facts={**summary.facts, **manifest.end(first, datetime.now(UTC), summary.accelerators)})
    on_terminal = partial(terminal.report, summary, folder.path, quiet=quiet)
    outputs = [partial(_write_abandonable, interrupts, "the report on the terminal", on_terminal)]
    formats = [form for form in FORMATS.values() if form.FLAG in targets]
    outputs += [partial(_write, interrupts, summary, form, targets[form.FLAG]) for form in formats]

    of_folder = _failures([partial(folder.finish, summary)])
    # The logs are in the same folder, so a full disk is reported once.
    failures = [*(of_folder or log_failures[:1]), *_failures(outputs)]
    last = status(failures)
    if last != first:
        again = _failures([partial(folder.record, {**summary.facts, "status": last})])
        failures += [] if of_folder else again
    for failure in failures:
        print(f"lazymmu: {failure}", file=sys.stderr)
    return last


def _write(interrupts: Interrupts, summary: RunSummary, form: Format, target: Target) -> None:

    def write() -> None:
        with target.opened() as file:
            form.write(summary, file)

    if target.is_regular():
        write()
    else:
        _write_abandonable(interrupts, f"{target.flag} `{target.name}`", write)


def _write_abandonable(interrupts: Interrupts, what: str, write: Callable[[], None]) -> None:
    """Write to a terminal or a pipe; if nobody reads from it, an interrupt ends the writing."""
    try:
        with interrupts.bounded():
            write()
    except KeyboardInterrupt:
        raise LazymmuError(f"{what} is not complete: interrupted") from None


def _failures(writes: Iterable[Callable[[], None]]) -> list[LazymmuError | OSError]:
    failures: list[LazymmuError | OSError] = []
    for write in writes:
        try:
            write()
        except (LazymmuError, OSError) as error:
            failures.append(error)
    return failures
