# SPDX-License-Identifier: GPL-2.0-only
"""Reads values at a place in a scenario: integers, booleans, hooks, and `$name`s for them."""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.scenario.strict_yaml.nodes import Node, Scalar
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.scenario.strict_yaml.reader import Reader
from lazymmu.scenario.strict_yaml.scalars import Literal, Reference, Trap, meaning
from lazymmu.scenario.templates import Value
from lazymmu.subject.counters import HOOKS
from lazymmu.support.errors import Place

#: The values that a name may have: those of `vary`, or the turns of a `repeat`; None if they could not be read.
Domain = Sequence[Literal] | None


class Need(Struct, frozen=True):
    """A word that the scenario uses."""

    place: Place
    word: str
    #: The revisions and personalities without it.
    without: frozenset[str]
    #: Those for which it is used; None: all.
    only: Collection[str] | None = None

    def rules_out(self, name: str) -> bool:
        """Return whether a revision or personality needs this word and is without it."""
        return name in self.without and (self.only is None or name in self.only)


class Context(Reader, frozen=True):
    """A place in a scenario. All contexts of one file share `needs`, `forks` and `used`, and add to them."""

    needs: list[Need] = field(default_factory=list)
    #: The tasks that a `fork` makes.
    forks: dict[str, None] = field(default_factory=dict)
    #: Names that were read.
    used: set[str] = field(default_factory=set)
    #: Names that `$name` may have here.
    names: Mapping[str, Domain] = field(default_factory=dict)
    #: Every task that there may be, `main` included; None if that is not known.
    tasks: Collection[str] | None = None
    #: The contexts (`interrupt: [..]` and the like) around this place, the outermost first; those around a `meanwhile`
    #: belong to another CPU.
    contexts: tuple[str, ...] = ()
    in_meanwhile: bool = False
    #: How many `before_hook`s are around this place.
    hook_depth: int = 0

    def value(self, node: Node, what: str, wanted: str, fits: Callable[[Literal], bool]) -> Value | None:
        """Return a scalar's value, or the name it refers to if all values of the name fit."""
        if not isinstance(node, Scalar):
            self.mistaken(node, what, wanted)
            return None
        found = meaning(node)
        if isinstance(found, Reference):
            return found if self._all_fit(node, found, what, wanted, fits) else None
        if found is None or isinstance(found, Trap) or not fits(found):
            if node.quoted and _fits_unquoted(node, fits):
                wanted += " without quotes"
            self.mistaken(node, what, wanted)
            return None
        return found

    def _all_fit(self, node: Scalar, meant: Reference, what: str, wanted: str, fits: Callable[[Literal], bool]) -> bool:
        if meant.name not in self.names:
            self.unknown(
                replace(node, text=f"${meant.name}"), f"name {quote(node.text)}", [f"${name}" for name in self.names]
            )
            return False
        for value in self._values(meant.name):
            if not meant.is_plain and type(value) is not int:
                self.problems.add(
                    node.place, f"{quote(node.text)} needs an integer, and `${meant.name}` may be {quote(value)}"
                )
                return False
            if not fits(possible := meant.of(value)):
                message = f"{what} takes {wanted}, not {quote(possible)} ({quote(node.text)} may be that)"
                self.problems.add(node.place, message)
                return False
        self.used.add(meant.name)
        return True

    def _values(self, name: str) -> Sequence[Literal]:
        """Return the values of a name, of many turns only the lowest and the highest: if they fit, so do the others."""
        domain = self.names[name] or ()
        return domain[:: max(len(domain) - 1, 1)] if isinstance(domain, range) else domain

    def integer(self, node: Node, what: str, low: int, high: int | None) -> Value | None:
        """Return an integer of low .. high (no upper end: None)."""

        def fits(found: Literal) -> bool:
            return type(found) is int and low <= found and (high is None or found <= high)

        wanted = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
        return self.value(node, what, f"only {low}" if low == high else wanted, fits)

    def boolean(self, node: Node, what: str) -> Value | None:
        """Return true or false."""
        return self.value(node, what, "true or false", lambda found: isinstance(found, bool))

    def hooks(self, node: Node, what: str) -> Value | None:
        """Return a hook trace: a string of hook letters, perhaps an empty one."""

        def fits(found: Literal) -> bool:
            return isinstance(found, str) and set(found) <= HOOKS.keys()

        return self.value(node, what, f'hook letters ({" ".join(HOOKS)}; "" for none)', fits)

    def digits(self, node: Node, what: str) -> Value | None:
        """Return a string of 0 and 1, which needs quotes: without them it looks like a number."""
        if isinstance(node, Scalar) and not node.quoted and node.text and set(node.text) <= set("01"):
            self.problems.add(node.place, f'{what} needs quotes: "{node.text[:64]}"', rule="ambiguous")
            return None
        wanted = 'a string of 0 and 1 in quotes ("" for none)'
        return self.value(node, what, wanted, lambda found: isinstance(found, str) and set(found) <= set("01"))

    def highest(self, value: Value) -> int:
        """Return the highest integer that the value may be, 0 if that is not known."""
        if not isinstance(value, Reference):
            return int(value)
        return max((int(value.of(possible)) for possible in self._values(value.name)), default=0)


def _fits_unquoted(node: Scalar, fits: Callable[[Literal], bool]) -> bool:
    """Return whether only the quotes are wrong."""
    found = meaning(replace(node, quoted=False))
    return isinstance(found, Reference) or (found is not None and not isinstance(found, Trap) and fits(found))
