# SPDX-License-Identifier: GPL-2.0-only
"""The key `vary`: named values, one case for each combination, or a list of the combinations."""

import itertools
import math
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from lazymmu.scenario.context import Context, Domain
from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote, shown
from lazymmu.scenario.strict_yaml.scalars import NAME, Literal, Reference, Trap, meaning
from lazymmu.scenario.templates import Bindings
from lazymmu.support.errors import Place

#: Combinations of `vary` values.
MAX_CASES = 65_536


class Vary(Struct, frozen=True):
    """The names of `vary`, and the cases that they make."""

    #: Name -> its values in the order written, None if they could not be read.
    domains: Mapping[str, Domain] = field(default_factory=dict)
    #: Name -> where it is first.
    places: Mapping[str, Place] = field(default_factory=dict)
    #: The values of each case; None if any could not be read.
    cases: Sequence[Bindings] | None = ({},)


def read_vary(context: Context, key: Scalar, node: Node) -> Vary:
    """Return what `vary: {depth: [1, 2]}` or `vary: [{depth: 1, hooks: el}, ..]` means; report what is wrong."""
    before = len(context.problems)
    entries = node.items if isinstance(node, Listing) and node.items else (node,)
    is_list = node not in entries
    example = f"names with their values, for example {{depth: {'1' if is_list else '[1, 2]'}}}"
    tables = [context.table(entry, "a case of `vary`" if is_list else "`vary`", example) for entry in entries]
    places: dict[str, Place] = {}
    groups = [{} if table is None else _read_group(context, table, places, is_list=is_list) for table in tables]
    for entry, group in zip(entries, groups, strict=True):
        missing = ", ".join(quote(name) for name in places if name not in group)
        if missing and len(context.problems) == before:
            context.problems.add(
                entry.place, f"this case of `vary` has no {missing}: all cases have the same names", rule="missing"
            )
    if sum(math.prod(len(values or ()) for values in group.values()) for group in groups) > MAX_CASES:
        context.problems.add(key.place, f"`vary` makes more than {MAX_CASES:,} cases", rule="limit")
    cases: dict[tuple[tuple[type, Literal], ...], Bindings] = {}
    for entry, group in zip(entries, groups, strict=True) if len(context.problems) == before else ():
        for combination in itertools.product(*(group[name] or () for name in places)):
            values = dict(zip(places, combination, strict=True))
            if cases.setdefault(tuple((type(value), value) for value in combination), values) is not values:
                context.problems.add(entry.place, f"`vary` has the same case twice{shown(values)}", rule="duplicate")
                break
    return Vary(
        {name: _all([group.get(name) for group in groups]) for name in places},
        places,
        tuple(cases.values()) if len(context.problems) == before else None,
    )


def _all(domains: Sequence[Domain]) -> Domain:
    """Return the values of all domains, None if any could not be read."""
    return None if None in domains else [value for domain in domains for value in domain or ()]


def _read_group(context: Context, table: Table, places: dict[str, Place], *, is_list: bool) -> dict[str, Domain]:
    """Return the names of one mapping with their values. If it is one of a list, a value need not be in a list."""
    group: dict[str, Domain] = {}
    for name, value in table.pairs:
        if NAME.fullmatch(name.text) is None:
            context.problems.add(name.place, f"{quote(name.text)} cannot be a name: letters, digits and _ only")
            continue
        places.setdefault(name.text, name.place)
        alone = is_list and isinstance(value, Scalar)
        group[name.text] = _read_values(context, name, Listing(value.place, (value,)) if alone else value)
    return group


def _read_values(context: Context, name: Scalar, node: Node) -> Domain:
    what = f"`vary` of {quote(name.text)}"
    found = context.listing(node, what, "a list of values, for example [1, 2]")
    if found is None:
        return None
    values: list[Literal] = []
    seen: set[tuple[type, Literal]] = set()
    before = len(context.problems)
    for item in found.items:
        value = meaning(item) if isinstance(item, Scalar) else None
        if value is None or isinstance(value, Trap | Reference):
            context.mistaken(item, f"an item of {what}", "an integer, true, false or a word")
        elif (type(value), value) in seen:
            context.problems.add(item.place, f"{quote(value)} is in {what} twice", rule="duplicate")
        else:
            seen.add((type(value), value))
            values.append(value)
    return values if len(context.problems) == before else None


def report_unused(context: Context, vary: Vary) -> None:
    """Report the names of `vary` that no `$name` uses."""
    for name, place in vary.places.items():
        if name not in context.used:
            context.problems.add(place, f"{quote('$' + name)} is never used", rule="unused")
