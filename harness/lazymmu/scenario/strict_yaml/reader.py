# SPDX-License-Identifier: GPL-2.0-only
"""Reads one node as one kind of thing, and collects the mistakes.

Each method returns None where it reported a mistake, so that its caller can continue with the next part.
"""

from collections.abc import Collection, Mapping

from msgspec import Struct

from lazymmu.scenario.strict_yaml import problems
from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar, Table, Unreadable
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.scenario.strict_yaml.scalars import Reference, Trap, meaning

#: Keys of a mapping that are known -> the node of the key, and that of the value.
Fields = Mapping[str, tuple[Scalar, Node]]


def kind(node: Node) -> str:
    """Return what a node is, for messages."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Listing):
        return "a list"
    if not isinstance(node, Scalar):
        return "an alias"
    found = meaning(node)
    if found is None:
        return "nothing"
    if isinstance(found, str):
        return f"the string {quote(node.text)}" if node.quoted else f"the word {quote(node.text)}"
    return quote(node.text)


def is_known(word: str, known: Collection[str]) -> bool:
    """Return whether a word is known. Raises SetupError for a catalogue's entry whose file is broken."""
    if not isinstance(known, Mapping):
        return word in known
    try:
        known[word]
    except KeyError:
        return False
    return True


class Reader(Struct, frozen=True):
    """Reads nodes. `what` is what a node is in the file, for messages; `wanted` says what it takes."""

    problems: Problems

    def mistaken(self, node: Node, what: str, wanted: str) -> None:
        """Report an empty node or one of the wrong kind, unless the node was reported before."""
        if isinstance(node, Scalar):
            found = meaning(node)
            if isinstance(found, Trap):
                self.problems.add(node.place, found.advice, rule="ambiguous")
                return
            if found is None:
                self.problems.add(node.place, f"{what} has no value: it takes {wanted}")
                return
        if node in (Table(node.place, ()), Listing(node.place, ())):
            self.problems.add(node.place, f"{what} is empty: it takes {wanted}")
        elif not isinstance(node, Unreadable):
            self.problems.add(node.place, f"{what} takes {wanted}, not {kind(node)}")

    def unknown(self, word: Scalar, what: str, known: Collection[str]) -> None:
        """Report a word that is not known here."""
        self.problems.add(word.place, f"unknown {what}{problems.known(word.text, known)}", rule="unknown")

    def table(self, node: Node, what: str, wanted: str) -> Table | None:
        """Return the node if it is a mapping that is not empty."""
        if isinstance(node, Table) and node.pairs:
            return node
        self.mistaken(node, what, wanted)
        return None

    def listing(self, node: Node, what: str, wanted: str, *, empty: bool = False) -> Listing | None:
        """Return the node if it is a list, not empty unless `empty`."""
        if isinstance(node, Listing) and (node.items or empty):
            return node
        self.mistaken(node, what, wanted)
        return None

    def fields(self, table: Table, what: str, known: Collection[str]) -> Fields:
        """Return the known keys of a mapping; report the others."""
        found: dict[str, tuple[Scalar, Node]] = {}
        for key, value in table.pairs:
            if key.text in known:
                found[key.text] = (key, value)
            else:
                self.unknown(key, f"key {quote(key.text)} in {what}", known)
        return found

    def text(self, node: Node, what: str) -> str | None:
        """Return a string that is not empty and has no `$name`, without surrounding white space."""
        found = meaning(node) if isinstance(node, Scalar) else None
        if isinstance(found, str) and found.strip():
            return found.strip()
        if isinstance(found, int | Reference | Trap):
            self.problems.add(
                node.place, f"{what} needs quotes: {kind(node)} may be read as something else", rule="ambiguous"
            )
        elif isinstance(found, str):
            self.problems.add(node.place, f"{what} is empty")
        else:
            self.mistaken(node, what, "a string")
        return None

    def word(self, node: Node, what: str, known: Collection[str]) -> Scalar | None:
        """Return one known name."""
        if isinstance(node, Scalar) and is_known(node.text, known):
            return node
        if isinstance(node, Scalar) and node.text and isinstance(meaning(node), str):
            self.unknown(node, f"name {quote(node.text)} in {what}", known)
        else:
            self.mistaken(node, what, f"one of {', '.join(known)}")
        return None

    def words(self, node: Node, what: str, known: Collection[str]) -> list[Scalar] | None:
        """Return a list of known names, each once; None if any was reported."""
        found = self.listing(node, what, f"a list, for example [{next(iter(known))}]")
        if found is None:
            return None
        before = len(self.problems)
        words: dict[str, Scalar] = {}
        for item in found.items:
            word = self.word(item, what, known)
            if word is not None and word.text in words:
                self.problems.add(word.place, f"{quote(word.text)} is in {what} twice", rule="duplicate")
            elif word is not None:
                words[word.text] = word
        return None if len(self.problems) > before else list(words.values())
