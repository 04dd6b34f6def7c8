# SPDX-License-Identifier: GPL-2.0-only
"""The key `vary`: named lists of values, one case for each combination."""

import math

from lazymmu.scenario.context import Context, Domain
from lazymmu.scenario.strict_yaml.nodes import Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.scalars import NAME, Literal, Reference, Trap, meaning

#: Combinations of `vary` values.
MAX_CASES = 65_536


def read_vary(context: Context, key: Scalar, node: Node) -> dict[str, Domain]:
    """Return the names with their values in the order written, None for values that could not be read."""
    content = context.table(node, "`vary`", "names with their values, for example {depth: [1, 2]}")
    if content is None:
        return {}
    domains: dict[str, Domain] = {}
    for name, value in content.pairs:
        if NAME.fullmatch(name.text) is None:
            context.problems.add(name.place, f"{quote(name.text)} cannot be a name: letters, digits and _ only")
            continue
        domains[name.text] = _read_values(context, name, value)
    if math.prod(len(values) for values in domains.values() if values is not None) > MAX_CASES:
        context.problems.add(key.place, f"`vary` makes more than {MAX_CASES:,} cases")
        return dict.fromkeys(domains)
    return domains


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
            context.problems.add(item.place, f"{quote(value)} is in {what} twice")
        else:
            seen.add((type(value), value))
            values.append(value)
    return values if len(context.problems) == before else None


def report_unused(context: Context, node: Node | None) -> None:
    """Report the names of `vary` that no `$name` uses."""
    for name, _ in node.pairs if isinstance(node, Table) else ():
        if name.text not in context.used:
            context.problems.add(name.place, f"{quote('$' + name.text)} is never used")
