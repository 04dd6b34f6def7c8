# SPDX-License-Identifier: GPL-2.0-only
"""Reads the file of `--known`, as strictly as a scenario."""

import re
from collections.abc import Collection, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.provision import catalogue
from lazymmu.results.known_issues import NAMES, KnownIssue
from lazymmu.results.result import Outcome, Unit
from lazymmu.scenario.lookup import scenario_files
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.files import read_text
from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.scenario.strict_yaml.reader import Fields, Reader
from lazymmu.scenario.strict_yaml.scalars import Reference, Trap, meaning
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import ScenarioError, UsageError
from lazymmu.support.suggestions import suggestion

_KEYS = ("scenario", "case", *NAMES, "outcome", "reason", "expires")
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
    entries = []
    if root is not None:
        names = {found.name for found in scenario_files([], library, Problems())}
        names |= {unit.scenario.name for unit in selected}
        reader = Reader(problems)
        example = "for example `- {scenario: nesting/deep, reason: why, expires: 2030-12-31}`"
        content = reader.listing(root, f"a file of {_WHAT}", f"a list, {example}", empty=True)
        entries = [_read_entry(reader, item, library, names) for item in (content.items if content is not None else ())]
    if problems.found:
        raise ScenarioError(problems.found)
    return tuple(entry for entry in entries if entry is not None)


def _is_scenario(name: str, library: Path, names: Collection[str]) -> bool:
    """Return whether a name or pattern matches one of these names, or names the file of a scenario."""
    if name in names or any(fnmatchcase(known, name) for known in names):
        return True
    try:
        return any(found.name == name for found in scenario_files([name], library, Problems()))
    except UsageError:
        return False


def _read_entry(reader: Reader, node: Node, library: Path, names: Collection[str]) -> KnownIssue | None:
    before = len(reader.problems)
    content = reader.table(node, "a known failure", f"a mapping with {', '.join(_NEEDED)}")
    if content is None:
        return None
    found = reader.fields(content, "a known failure", _KEYS)
    for key in _NEEDED:
        if key not in found and key not in {written.text for written, _ in content.pairs}:
            reader.problems.add(node.place, f"a known failure needs `{key}`")
    scenario = _read_scenario(reader, found["scenario"][1], library, names) if "scenario" in found else None
    reason = reader.text(found["reason"][1], "`reason`") if "reason" in found else None
    expires = _read_date(reader, found["expires"][1]) if "expires" in found else None
    if scenario is None or reason is None or expires is None:
        return None
    entry = KnownIssue(
        place=node.place,
        scenario=scenario,
        case=_read_case(reader, found),
        names={key: _read_names(reader, key, found[key][1]) for key in NAMES if key in found},
        outcome=_read_outcome(reader, found),
        reason=" ".join(reason.split()),
        expires=expires,
    )
    return entry if len(reader.problems) == before else None


def _read_scenario(reader: Reader, node: Node, library: Path, names: Collection[str]) -> str | None:
    name = reader.text(node, "`scenario`")
    if name is None:
        return None
    name = name.removesuffix(".yaml")
    if not _is_scenario(name, library, names):
        reader.problems.add(node.place, f"no scenario {quote(name)}{suggestion(name, sorted(names))}")
        return None
    return name


def _read_case(reader: Reader, found: Fields) -> dict[str, int | bool | str]:
    if "case" not in found:
        return {}
    content = reader.table(found["case"][1], "`case`", "values of `vary`, for example {depth: 3}")
    values: dict[str, int | bool | str] = {}
    for key, node in content.pairs if content is not None else ():
        value = meaning(node) if isinstance(node, Scalar) else None
        if value is None or isinstance(value, Trap | Reference):
            reader.mistaken(node, quote(key.text), "an integer, true, false or a word")
        else:
            values[key.text] = value
    return values


def _read_names(reader: Reader, key: str, node: Node) -> frozenset[str]:
    """Return a name or a list of names as a set."""
    known = {"arch": architectures(), "api": REVISIONS, "impl": IMPLEMENTATIONS, "kernel": catalogue.kernels()}
    if isinstance(node, Scalar):
        node = Listing(node.place, (node,))
    return frozenset(name.text for name in reader.words(node, quote(key), known[key]) or ())


def _read_outcome(reader: Reader, found: Fields) -> Outcome:
    if "outcome" not in found:
        return Outcome.FAIL
    node = found["outcome"][1]
    if isinstance(node, Scalar) and node.text in _OUTCOMES:
        return Outcome(node.text)
    hint = suggestion(node.text, _OUTCOMES) if isinstance(node, Scalar) else ""
    reader.mistaken(node, "`outcome`", f"fail or error{hint}")
    return Outcome.FAIL


def _read_date(reader: Reader, node: Node) -> date | None:
    if isinstance(node, Scalar) and _DATE.fullmatch(node.text):
        try:
            return date.fromisoformat(node.text)
        except ValueError as error:
            reader.problems.add(node.place, f"{quote(node.text)} is not a date: {error}")
            return None
    reader.mistaken(node, "`expires`", "a date such as 2030-12-31")
    return None
