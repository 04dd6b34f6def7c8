# SPDX-License-Identifier: GPL-2.0-only
"""The folders of the project's files: in the checkout, or in the installed package, which has copies as data."""

from pathlib import Path

#: The Python package itself.
PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = PACKAGE.parents[1]
#: True if the package is in a checkout, which `./lazymmu` runs; only a checkout has tests.
IN_CHECKOUT = (_CHECKOUT / "guest" / "module").is_dir()
#: The folder with guest/, images/ and scenarios/.
ROOT = _CHECKOUT if IN_CHECKOUT else PACKAGE / "data"
IMAGES = ROOT / "images"
MODULE_SOURCE = ROOT / "guest" / "module"
AGENT_SOURCE = ROOT / "guest" / "agent"
SHELL_SOURCE = ROOT / "guest" / "shell"
LIBRARY = ROOT / "scenarios"
