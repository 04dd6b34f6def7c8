# SPDX-License-Identifier: GPL-2.0-only
"""Hatchling's metadata hook: the package depends on what requirements.txt lists, but for what only a checkout uses."""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# `lazymmu test` needs a checkout.
_CHECKOUT_ONLY = ("tox==",)


class Requirements(MetadataHookInterface):  # type: ignore[misc]  # hatchling is only there during a build
    """The hook; hatchling finds it by its base class."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dependencies to the metadata."""
        lines = (Path(self.root) / "requirements.txt").read_text(encoding="utf-8").splitlines()
        metadata["dependencies"] = [line for line in lines if line and not line.startswith(("#", *_CHECKOUT_ONLY))]
