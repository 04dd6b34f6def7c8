# SPDX-License-Identifier: GPL-2.0-only
"""Writes lines to a terminal with colours, or to a log without.

`rich` is imported only to show colours: for a log, the import would take longer than the report.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lazymmu.reports.plain import visible
from lazymmu.results.result import Outcome

if TYPE_CHECKING:
    from rich.console import Console


#: Outcome -> style, the worst outcome first.
STYLES = {
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIP: "yellow",
    Outcome.KNOWN: "yellow",
    Outcome.PASS: "green",
}


class Screen:
    """Writes lines to one stream, without wrapping, so that a log can be searched.

    If the reader goes away (`| head`), further lines are dropped, and the exit status stays that of the command.
    """

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        """Write to a stream, with colours if it is a terminal; `plain`: without, whatever the environment says."""
        self._stream = stream
        #: True if lines can be redrawn. FORCE_COLOR gives a log colours, but does not make it a terminal.
        self.is_terminal = not plain and stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._coloured = not plain and (stream.isatty() or bool(os.environ.get("FORCE_COLOR")))
        self._console: Console | None = None

    def line(self, text: str, style: str = "") -> None:
        """Print and flush one line, or several. What a terminal would obey is escaped."""
        try:
            if self._coloured:
                from rich.text import Text

                self.console().print(Text(visible(text), style=style))
            else:
                self._stream.write(f"{visible(text)}\n")
                self._stream.flush()
        except BrokenPipeError:
            self._drop_output()

    def console(self) -> Console:
        """Return rich's console for the stream."""
        if self._console is None:
            from rich.console import Console

            class Piped(Console):
                def on_broken_pipe(self) -> None:
                    raise  # noqa: PLE0704  (rich calls this while it handles the error)

            self._console = Piped(file=self._stream, soft_wrap=True, highlight=False, markup=False, emoji=False)
        return self._console

    def _drop_output(self) -> None:
        self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
        self._console = None
        # Otherwise Python's flush at exit fails again.
        os.dup2(self._stream.fileno(), sys.stdout.fileno())
