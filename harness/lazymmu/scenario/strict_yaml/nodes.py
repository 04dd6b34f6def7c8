# SPDX-License-Identifier: GPL-2.0-only
"""A YAML document as a tree that knows the place of each part.

The tree keeps what was written (text and quotes). What a scalar means is left to the readers, so that none of YAML
1.1's implicit types can slip in.
"""

from __future__ import annotations

from msgspec import Struct

from lazymmu.support.errors import Place


class Scalar(Struct, frozen=True):
    """One word or string as written; `quoted` is true for quotes and for block strings (`|`, `>`)."""

    place: Place
    text: str
    quoted: bool


class Listing(Struct, frozen=True):
    """A YAML sequence."""

    place: Place
    items: tuple[Node, ...]


class Table(Struct, frozen=True):
    """A YAML mapping with scalars for keys, each once, in the order written."""

    place: Place
    pairs: tuple[tuple[Scalar, Node], ...]


class Unreadable(Struct, frozen=True):
    """A part that was reported, such as an alias. Readers report nothing more about it."""

    place: Place


Node = Scalar | Listing | Table | Unreadable
