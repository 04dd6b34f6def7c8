# SPDX-License-Identifier: GPL-2.0-only
"""Where a person reads: lines with colours on a terminal, the same lines without in a log.

`rich` is imported where there are colours to show and nowhere else: in a log it would cost more than the report.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lazymmu.reports.plain import visible

if TYPE_CHECKING:
    from rich.console import Console


class Screen:
    """Writes lines to one stream; nothing is wrapped, so that a log can be searched.

    A reader may go away (`| head`): the rest goes nowhere, and the exit status stays ours.
    """

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        """Write to a stream, with colours where it is a terminal; `plain`: without, whatever the environment says."""
        self._stream = stream
        #: Whether lines can be drawn again; what asks for colours in a log cannot make a terminal of it.
        self.is_terminal = not plain and stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._coloured = not plain and (stream.isatty() or bool(os.environ.get("FORCE_COLOR")))
        self._console: Console | None = None

    def line(self, text: str, style: str = "") -> None:
        """Print one line, or several, to be read at once; what a terminal would obey is shown as escapes."""
        try:
            if self._coloured:
                from rich.text import Text  # noqa: PLC0415  (costs time that a log does not have)

                self.console().print(Text(visible(text), style=style))
            else:
                self._stream.write(f"{visible(text)}\n")
                self._stream.flush()
        except BrokenPipeError:
            self._gone()

    def console(self) -> Console:
        """Return rich's view of the stream."""
        if self._console is None:
            from rich.console import Console  # noqa: PLC0415  (as above)

            class Piped(Console):
                def on_broken_pipe(self) -> None:
                    raise  # noqa: PLE0704  (it is called while the error is handled)

            self._console = Piped(file=self._stream, soft_wrap=True, highlight=False, markup=False, emoji=False)
        return self._console

    def _gone(self) -> None:
        self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
        self._console = None
        # What Python flushes at its end would fail again.
        os.dup2(self._stream.fileno(), sys.stdout.fileno())
