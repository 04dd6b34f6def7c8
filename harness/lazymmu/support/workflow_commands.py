# SPDX-License-Identifier: GPL-2.0-only
"""Keeps a text in the log of a GitHub job from being a workflow command, such as `::error::` or `##[error]`."""

import os
import re

# GitHub looks for the first after any blanks, and for the second anywhere in a line.
_COMMAND = r"(?m)^(\s*)::|#(?=#\[)"


def harmless(text: str) -> str:
    r"""Return the text, in a job of GitHub with a backslash in what would be a command."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    return re.sub(_COMMAND, lambda found: "#\\" if found[0] == "#" else f"{found[1]}\\::", text)
