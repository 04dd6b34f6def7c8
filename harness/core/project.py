# SPDX-License-Identifier: GPL-2.0-only
"""Where the parts of a checkout stand; the harness runs from its checkout and is not installed."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "images"
MODULE_SOURCE = ROOT / "guest" / "module"
AGENT_SOURCE = ROOT / "guest" / "agent"
LIBRARY = ROOT / "scenarios"
SHELL_SOURCE = ROOT / "guest" / "shell"
