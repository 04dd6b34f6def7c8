# SPDX-License-Identifier: GPL-2.0-only
"""Draws the README's picture of a terminal from a real run: `python -m docs.terminal_picture` with PYTHONPATH=harness.

It runs the scenarios of `nesting`, then one of them on a `pgtable.h` whose nested disable forgets to flush.
"""

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from lazymmu.support.project import ROOT
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PICTURE = ROOT / "docs" / "pictures" / "terminal.svg"
COLUMNS = 100
# What the reader types; the header's folder is made for the occasion.
COMMANDS = (
    "./lazymmu run nesting",
    "./lazymmu run nesting/two-levels --arch arm64 --header ~/linux/include/linux/pgtable.h",
)
# Rich's own template loads a font from the network.
TEMPLATE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "font-family: Fira Code, monospace", "font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
)


def draw(sessions: list[tuple[str, str]]) -> str:
    """Return an SVG picture of a terminal with these commands and what each wrote, colours as escape sequences."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for command, output in sessions:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text.from_ansi(output.rstrip()), end="\n\n")
    return console.export_svg(title="lazymmu", code_format=TEMPLATE, unique_id="terminal")


def run(command: str, linux: Path) -> str:
    """Run a command in the checkout and return what it wrote, without the paths of this machine."""
    words = [word.replace("~/linux", str(linux)) for word in shlex.split(command)]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    shown = done.stdout + done.stderr
    for path, name in ((linux, "~/linux"), (ROOT, "~/lazymmu"), (Path.home(), "~")):
        shown = shown.replace(str(path), name)
    return shown


def main() -> int:
    """Write the picture."""
    sys.path.insert(0, str(ROOT))
    from tests.headers import MERGED, NESTED_FLUSH  # noqa: PLC0415  (the tests are not on the path before)

    with tempfile.TemporaryDirectory() as folder:
        header = Path(folder) / "include" / "linux" / "pgtable.h"
        header.parent.mkdir(parents=True)
        header.write_text(MERGED.replace(NESTED_FLUSH, ""))
        sessions = [(command, run(command, Path(folder))) for command in COMMANDS]
    licence = "<!-- SPDX-License-Identifier: GPL-2.0-only -->\n<!-- Made by `python -m docs.terminal_picture`. -->\n"
    PICTURE.write_text(licence + draw(sessions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
