# SPDX-License-Identifier: GPL-2.0-only
"""Where the project's files are: in the checkout, or in the installed package, which carries copies as data."""

from __future__ import annotations

from pathlib import Path

#: The Python package itself.
PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = PACKAGE.parents[1]
#: Whether the package runs from its checkout, as `./lazymmu` does; only a checkout has tests.
IN_CHECKOUT = (_CHECKOUT / "guest" / "module").is_dir()
#: The folder with guest/, images/ and scenarios/.
ROOT = _CHECKOUT if IN_CHECKOUT else PACKAGE / "data"
IMAGES = ROOT / "images"
MODULE_SOURCE = ROOT / "guest" / "module"
AGENT_SOURCE = ROOT / "guest" / "agent"
SHELL_SOURCE = ROOT / "guest" / "shell"
LIBRARY = ROOT / "scenarios"
