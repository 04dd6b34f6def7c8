# SPDX-License-Identifier: GPL-2.0-only
"""What `--header FILE` or `--patch FILE` puts under test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from lazymmu.provision.keys import digest

if TYPE_CHECKING:
    from lazymmu.header.text import Text


class Given(Struct, frozen=True):
    """What a flag puts under test."""

    #: The text whose functions are compiled into the module; None if a patch changes only headers of architectures.
    text: Text | None
    #: The content of --patch; None with --header.
    patch: bytes | None = None
    #: What reports say of the patch.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: Architecture and kernel -> path and text of headers that its native implementation is compiled from.
    native: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    @property
    def sources(self) -> dict[str, str]:
        """Name -> digest of the texts that a patch made."""
        texts = {
            f"{path} of {arch} {kernel}": text
            for (arch, kernel), some in self.native.items()
            for path, text in some.items()
        }
        if self.patch is not None and self.text is not None:
            texts[self.text.shown] = self.text.whole
        return {f"{name} with the patch": digest([text.encode()]) for name, text in texts.items()}
