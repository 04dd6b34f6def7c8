# SPDX-License-Identifier: GPL-2.0-only
"""YAML text -> tree of nodes, without recursion and without aliases, anchors, tags or directives.

Works on the parser's events: PyYAML's own composer recurses, so that deep text would end in a RecursionError before
any limit could be looked at.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from msgspec import Struct, field

from lazymmu.scenario.limits import MAX_YAML_LEVELS
from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar, Table, Unreadable
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.support.errors import Place

#: libyaml's parser where PyYAML was built with it (ten times as fast), else the one in Python.
PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What may not stand in a file: control characters, and line ends that editors do not count as such. Compiled when a
#: text has more than ASCII: that takes longer than to read many files.
_REFUSED = r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_NOT_PLAIN = re.compile(r"[^\t\n\r\x20-\x7e]")

#: What may not stand in a string, where escapes such as "\x00" can bring it in.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class _Stop(Exception):
    """Nothing further in this file can be read."""


class _Frame(Struct):
    """A list or mapping that is not closed yet."""

    place: Place
    is_table: bool
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)
    #: Keys seen, with their lines.
    seen: dict[str, int] = field(default_factory=dict)
    #: The key whose value comes next; a key already reported makes its value be dropped.
    key: Scalar | Unreadable | None = None


def compose(text: str, path: str, problems: Problems, parser: Any = PARSER, what: str = "scenario") -> Node | None:
    """Return the root node of the only document in the text, or None with the reason added to `problems`.

    `what` is what one file holds, for messages.
    """
    refused = re.search(_REFUSED, text) if _NOT_PLAIN.search(text) else None
    if refused is not None:
        before = text[: refused.start()]
        place = Place(path, before.count("\n") + 1, refused.start() - before.rfind("\n"))
        problems.add(place, f"not a text file: character U+{ord(refused.group()):04X}")
        return None
    builder = _Builder(path, problems, what)
    try:
        for event in yaml.parse(text, Loader=parser):
            builder.take(event)
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = builder.place if mark is None else Place(path, mark.line + 1, mark.column + 1)
        words = [word for word in (error.context, error.problem) if word]
        problems.add(place, "not YAML: " + " ".join(" ".join(words).split()))
        return None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The parser in Python raises ValueError for escapes beyond Unicode and version numbers without end.
        problems.add(builder.place, "not YAML: " + " ".join(str(error).split()))
        return None
    if builder.root is None:
        problems.add(Place(path, 1, 1), f"no {what} in this file: it is empty")
    return builder.root


class _Builder:
    """Takes the events of one text and makes its tree."""

    def __init__(self, path: str, problems: Problems, what: str) -> None:
        self.path = path
        self._what = what
        self.problems = problems
        self.root: Node | None = None
        #: Where the last event began.
        self.place = Place(path, 1, 1)
        self._open: list[_Frame] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Add what one event says; raises _Stop where reading on makes no sense."""
        mark: Any = event.start_mark
        self.place = Place(self.path, mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_properties(event)
            self._add(self._scalar(event))
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._refuse_properties(event)
            if len(self._open) >= MAX_YAML_LEVELS:
                self.problems.add(self.place, f"more than {MAX_YAML_LEVELS} levels of lists and mappings")
                raise _Stop
            self._open.append(_Frame(self.place, isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            frame = self._open.pop()
            self._add(
                Table(frame.place, tuple(frame.pairs)) if frame.is_table else Listing(frame.place, tuple(frame.items))
            )
        elif isinstance(event, yaml.AliasEvent):
            self.problems.add(
                self.place, f"aliases are not allowed here: write out what {quote(f'*{event.anchor}')} means"
            )
            self._add(Unreadable(self.place))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start(event)

    def _start(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self.problems.add(self.place, f"a second document in this file: one file holds one {self._what}")
            raise _Stop
        if event.version or event.tags:
            self.problems.add(self.place, "YAML directives (`%YAML`, `%TAG`) are not allowed here")

    def _refuse_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self.problems.add(self.place, f"anchors are not allowed here: remove {quote('&' + event.anchor)}")
        if event.tag is not None:
            self.problems.add(self.place, f"tags are not allowed here: remove {quote(event.tag)}")

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        bad = _UNPRINTABLE.search(event.value)
        if bad is not None:
            self.problems.add(self.place, f"character U+{ord(bad.group()):04X} is not allowed in a string")
            return Unreadable(self.place)
        return Scalar(self.place, event.value, quoted=bool(event.style))

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        frame = self._open[-1]
        if not frame.is_table:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(frame, node)
        else:
            if isinstance(frame.key, Scalar):
                frame.pairs.append((frame.key, node))
            frame.key = None

    def _key(self, frame: _Frame, node: Node) -> Scalar | Unreadable:
        if isinstance(node, Scalar):
            if node.text not in frame.seen:
                frame.seen[node.text] = node.place.line
                return node
            first = frame.seen[node.text]
            self.problems.add(node.place, f"{quote(node.text)} stands here twice (first in line {first})")
        elif not isinstance(node, Unreadable):
            self.problems.add(node.place, "a list or mapping cannot be a key")
        return Unreadable(node.place)
