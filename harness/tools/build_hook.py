# SPDX-License-Identifier: GPL-2.0-only
"""Hatchling's metadata hook: the package depends on what requirements.txt lists."""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Requirements(MetadataHookInterface):  # type: ignore[misc]  # hatchling is only there during a build
    """The hook; hatchling finds it by its base class."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dependencies to the metadata."""
        lines = (Path(self.root) / "requirements.txt").read_text(encoding="utf-8").splitlines()
        metadata["dependencies"] = [line for line in lines if line and not line.startswith("#")]
