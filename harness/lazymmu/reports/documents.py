# SPDX-License-Identifier: GPL-2.0-only
"""JSON documents for other programs. Their keys are fixed; additions are possible (docs/command-line.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: The schema number of every document. It changes if a key changes its meaning.
SCHEMA = 1


def text(document: Mapping[str, Any]) -> str:
    """Return the text of a document."""
    return json.dumps(document, indent=1) + "\n"
