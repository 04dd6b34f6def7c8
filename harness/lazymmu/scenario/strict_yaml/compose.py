# SPDX-License-Identifier: GPL-2.0-only
"""YAML text -> tree of nodes. Aliases, anchors, tags, directives and deep nesting are mistakes.

It reads the parser's events, because PyYAML's own composer recurses: text that is nested deeply enough would end in a
RecursionError before any limit could be checked.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar, Table, Unreadable
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.support.errors import Place

#: How deep lists and mappings may nest in a file; the outermost mapping is level 1.
MAX_LEVELS = 64

#: libyaml's parser if PyYAML was built with it (ten times as fast), else the one in Python.
PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What no file may contain: control characters, and line ends that editors do not count as such. It is compiled only
#: for a text with more than ASCII: to compile it takes longer than to read many files.
_REFUSED = r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_NOT_PLAIN = re.compile(r"[^\t\n\r\x20-\x7e]")

#: What no string may contain; escapes such as "\x00" can bring it in.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


# What the parser says of a word that is alone where a key must be.
_NO_COLON = "could not find expected ':'"
# What it was in when it met the end of something that is open, and what an author forgot at a place.
_OPEN = re.compile(r"while (parsing a flow|scanning a quoted)")
_ADVICE = {
    "mapping values are not allowed": "a `:` before a blank ends a key: put a text that has one in quotes",
    "while parsing a block collection": "an entry of this list begins with `- `",
    "while parsing a block mapping": "this line is not indented as the lines before it",
}
_BRACED = re.compile(r"\$\{(\w+)\}")


class _Stop(Exception):
    """Nothing further in this file can be read. The reason was reported."""


def compose(text: str, path: str, problems: Problems, parser: Any = PARSER, what: str = "scenario") -> Node | None:
    """Return the root node of the only document in the text, or None with the reason added to `problems`.

    `what` is what one file holds, for messages.
    """
    refused = re.search(_REFUSED, text) if _NOT_PLAIN.search(text) else None
    if refused is not None:
        before = text[: refused.start()]
        place = Place(path, before.count("\n") + 1, refused.start() - before.rfind("\n"))
        problems.add(place, f"not a text file: character U+{ord(refused.group()):04X}", rule="yaml")
        return None
    composer = _Composer(yaml.parse(text, Loader=parser), path, problems, what)
    try:
        return composer.document()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(word for word in (error.context, error.problem) if word)
        begin = error.context_mark
        opened = bool(begin and mark and _OPEN.match(words) and begin.line < mark.line)
        if opened or (begin and error.problem == _NO_COLON):
            # The parser notices it at the end of the line, or of the file.
            mark = begin
        place = composer.place if mark is None else Place(path, mark.line + 1, mark.column + 1)
        advice = "" if mark is None else _advice(text.split("\n"), mark.line, mark.column, words, opened)
        problems.add(place, f"not YAML: {advice or ' '.join(words.split())}", rule="yaml")
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The parser in Python raises ValueError for escapes beyond Unicode and for endless version numbers.
        problems.add(composer.place, "not YAML: " + " ".join(str(error).split()), rule="yaml")
    return None


def _advice(lines: Sequence[str], row: int, column: int, problem: str, opened: bool) -> str:
    """Return what an author probably meant at this place; empty if that is not clear."""
    line = lines[row] if row < len(lines) else ""
    reference = _BRACED.search(line)
    if line[: column + 1].endswith("\t"):
        return "a tab: indent with spaces"
    if reference is not None:
        return f"write `${reference[1]}`, without braces"
    if problem.endswith(_NO_COLON):
        word = line[column:].strip()
        return f"{quote(word)} is no key: a step begins with `- `, a key ends in `:`"
    # The parser counts a carriage return as the end of a line, too.
    found = line[column : column + 1]
    if opened and found:
        return f"{quote(found)} is not closed{', or a comma is missing in it' * (found in '[{')}"
    if found and "cannot start any token" in problem:
        return f"{quote(found)} begins no word: put the text in quotes"
    return next((advice for words, advice in _ADVICE.items() if problem.startswith(words)), "")


class _Composer:
    """Makes the tree of one text from its events."""

    def __init__(self, events: Iterator[Any], path: str, problems: Problems, what: str) -> None:
        self._events = events
        self._problems = problems
        self._what = what
        #: Where the last event began.
        self.place = Place(path, 1, 1)

    def _next(self) -> Any:
        event = next(self._events)
        self.place = Place(self.place.path, event.start_mark.line + 1, event.start_mark.column + 1)
        return event

    def document(self) -> Node:
        """Return the root of the only document. Raises _Stop if there is none, or more than one."""
        self._next()
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            self.place = Place(self.place.path, 1, 1)
            self._stop(f"no {self._what} in this file: it is empty")
        if start.version or start.tags:
            self._problems.add(self.place, "YAML directives (`%YAML`, `%TAG`) are not allowed here", rule="yaml")
        root = self._node(self._next(), level=1)
        self._next()
        if not isinstance(self._next(), yaml.StreamEndEvent):
            self._stop(f"a second document in this file: one file holds one {self._what}")
        return root

    def _stop(self, message: str) -> None:
        self._problems.add(self.place, message, rule="yaml")
        raise _Stop

    def _node(self, event: Any, level: int) -> Node:
        """Return the node that begins with this event."""
        place = self.place
        if isinstance(event, yaml.AliasEvent):
            meant = quote(f"*{event.anchor}")
            self._problems.add(place, f"aliases are not allowed here: write out what {meant} means", rule="yaml")
            return Unreadable(place)
        if event.anchor is not None:
            self._problems.add(place, f"anchors are not allowed here: remove {quote('&' + event.anchor)}", rule="yaml")
        if event.tag is not None:
            self._problems.add(place, f"tags are not allowed here: remove {quote(event.tag)}", rule="yaml")
        if isinstance(event, yaml.ScalarEvent):
            bad = _UNPRINTABLE.search(event.value)
            if bad is not None:
                self._problems.add(place, f"character U+{ord(bad.group()):04X} is not allowed in a string", rule="yaml")
                return Unreadable(place)
            return Scalar(place, event.value, quoted=bool(event.style))
        if level > MAX_LEVELS:
            self._stop(f"more than {MAX_LEVELS} levels of lists and mappings")
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(level)
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, level + 1))
        return Listing(place, tuple(items))

    def _table(self, level: int) -> Table:
        """Return the rest of a mapping, without the keys that were reported and their values."""
        place = self.place
        pairs: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, level + 1)
            value = self._node(self._next(), level + 1)
            if isinstance(key, Listing | Table):
                self._problems.add(key.place, "a list or mapping cannot be a key", rule="yaml")
            elif isinstance(key, Scalar) and key.text in pairs:
                first = pairs[key.text][0].place.line
                self._problems.add(
                    key.place, f"{quote(key.text)} is here twice (first in line {first})", rule="duplicate"
                )
            elif isinstance(key, Scalar):
                pairs[key.text] = (key, value)
        return Table(place, tuple(pairs.values()))
