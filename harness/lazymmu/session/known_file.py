# SPDX-License-Identifier: GPL-2.0-only
"""Reads the file of `--known`, as strictly as a scenario."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from lazymmu.architecture import architectures
from lazymmu.provision import catalogue
from lazymmu.results.known_issues import NAMES, KnownIssue
from lazymmu.results.result import Outcome, Unit
from lazymmu.scenario.lookup import scenario_files
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.files import read_text
from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.scenario.strict_yaml.reader import Reader
from lazymmu.scenario.strict_yaml.scalars import Reference, Trap, meaning
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import ScenarioError, UsageError
from lazymmu.support.suggestions import suggestion

_KEYS = ("scenario", "case", *NAMES, "release", "outcome", "flaky", "reason", "expires")
_NEEDED = ("scenario", "reason", "expires")
_OUTCOMES = (Outcome.FAIL, Outcome.ERROR)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

#: What the file holds, for messages.
_WHAT = "known failures"


def load(path: str, library: Path, selected: Sequence[Unit]) -> tuple[KnownIssue, ...]:
    """Return the entries of a file. Raises one ScenarioError with every mistake.

    An entry may name scenarios of the library, and those that are selected.
    """
    problems = Problems()
    text = read_text(path, problems, _WHAT)
    root = None if text is None else compose(text, path, problems, what=f"list of {_WHAT}")
    content = None
    reader = Reader(problems)
    if root is not None:
        example = "for example `- {scenario: nesting/deep, reason: why, expires: 2030-12-31}`"
        content = reader.listing(root, f"a file of {_WHAT}", f"a list, {example}", empty=True)
    entries = []
    if content is not None:
        names = _Nameable(library, {unit.scenario.name for unit in selected})
        entries = [_read_entry(reader, item, names) for item in content.items]
    if problems.found:
        raise ScenarioError(problems.found)
    return tuple(KnownIssue(**entry) for entry in entries)


class _Nameable:
    """The names that an entry may have: those of the selected scenarios and of the library, and paths of files."""

    def __init__(self, library: Path, selected: Collection[str]) -> None:
        self._library = library
        self._selected = selected

    @cached_property
    def every(self) -> Collection[str]:
        """The selected names and those of the library. Most entries need no look into its folders."""
        return {*self._selected, *(found.name for found in scenario_files([], self._library, Problems()))}

    def has(self, name: str) -> bool:
        """Return whether a name or pattern matches one of these names, or names the file of a scenario."""
        if _matches(name, self._selected) or _matches(name, self.every):
            return True
        try:
            return any(found.name == name for found in scenario_files([name], self._library, Problems()))
        except UsageError:
            return False


def _matches(pattern: str, names: Collection[str]) -> bool:
    return pattern in names or any(fnmatchcase(name, pattern) for name in names)


def _read_entry(reader: Reader, node: Node, names: _Nameable) -> dict[str, Any]:
    """Return the fields of a KnownIssue; what is missing or None was reported."""
    content = reader.table(node, "a known failure", f"a mapping with {', '.join(_NEEDED)}")
    if content is None:
        return {}
    nodes = {key: value for key, (_, value) in reader.fields(content, "a known failure", _KEYS).items()}
    for key in _NEEDED:
        if key not in nodes:
            reader.problems.add(node.place, f"a known failure needs `{key}`")
    read: Mapping[str, Callable[[Node], object]] = {
        "scenario": partial(_read_scenario, reader, names),
        "reason": lambda text: " ".join((reader.text(text, "`reason`") or "").split()),
        "release": lambda text: reader.text(text, "`release`"),
        "expires": partial(_read_date, reader),
        "case": partial(_read_case, reader),
        "outcome": partial(_read_outcome, reader),
        "flaky": partial(_read_flag, reader),
    }
    entry = {key: read[key](value) for key, value in nodes.items() if key in read}
    allowed = {key: _read_names(reader, key, nodes[key]) for key in NAMES if key in nodes}
    return {"place": node.place, "names": allowed, **entry}


def _read_scenario(reader: Reader, names: _Nameable, node: Node) -> str | None:
    text = reader.text(node, "`scenario`")
    name = None if text is None else text.removesuffix(".yaml")
    if name is not None and not names.has(name):
        reader.problems.add(node.place, f"no scenario {quote(name)}{suggestion(name, sorted(names.every))}")
    return name


def _read_case(reader: Reader, node: Node) -> dict[str, int | bool | str]:
    content = reader.table(node, "`case`", "values of `vary`, for example {depth: 3}")
    values: dict[str, int | bool | str] = {}
    for key, written in content.pairs if content is not None else ():
        value = meaning(written) if isinstance(written, Scalar) else None
        if value is None or isinstance(value, Trap | Reference):
            reader.mistaken(written, quote(key.text), "an integer, true, false or a word")
        else:
            values[key.text] = value
    return values


def _read_names(reader: Reader, key: str, node: Node) -> frozenset[str]:
    known = {"arch": architectures(), "api": REVISIONS, "impl": IMPLEMENTATIONS, "kernel": catalogue.kernels()}
    if isinstance(node, Scalar):
        node = Listing(node.place, (node,))
    return frozenset(name.text for name in reader.words(node, quote(key), known[key]) or ())


def _read_outcome(reader: Reader, node: Node) -> Outcome | None:
    word = reader.word(node, "`outcome`", _OUTCOMES)
    return None if word is None else Outcome(word.text)


def _read_flag(reader: Reader, node: Node) -> bool | None:
    value = meaning(node) if isinstance(node, Scalar) else None
    if not isinstance(value, bool):
        reader.mistaken(node, "`flaky`", "true or false")
        return None
    return value


def _read_date(reader: Reader, node: Node) -> date | None:
    if not (isinstance(node, Scalar) and _DATE.fullmatch(node.text)):
        reader.mistaken(node, "`expires`", "a date such as 2030-12-31")
        return None
    try:
        return date.fromisoformat(node.text)
    except ValueError as error:
        reader.problems.add(node.place, f"{quote(node.text)} is not a date: {error}")
        return None
