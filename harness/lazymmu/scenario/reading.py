# SPDX-License-Identifier: GPL-2.0-only
"""Reading one node as one kind of thing, with the mistakes gathered: what every part of the language is read with.

Every function returns None where it has reported a mistake, so that its caller can go on with the next part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.scenario.applicability import Need
from lazymmu.scenario.strict_yaml import problems
from lazymmu.scenario.strict_yaml.nodes import Listing, Node, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import Problems, listed, quote, suggest
from lazymmu.scenario.strict_yaml.scalars import Literal, Nothing, Reference, Trap, meaning
from lazymmu.scenario.templates import Value
from lazymmu.subject.counters import HOOKS
from lazymmu.support.errors import Place

#: The values that a name may have: those of `vary`, or the turns of a `repeat`; None when they could not be read.
Domain = Sequence[Literal] | None


class Context(Struct, frozen=True):
    """Where in the file a node stands, and where mistakes and needs are gathered."""

    problems: Problems
    #: What the scenario needs of a revision or personality, added to by the readers of steps.
    needs: list[Need]
    #: Names that `$name` may stand for here.
    names: Mapping[str, Domain] = field(default_factory=dict)
    #: Every task that there may be, `main` among them; None where that is not known, or not asked.
    tasks: Collection[str] | None = None
    #: Task that a `fork` makes -> where the first one stands; added to by the readers of steps.
    forks: dict[str, Place] = field(default_factory=dict)
    #: The contexts (`interrupt: [..]` and its like) around this, the outermost first.
    contexts: tuple[str, ...] = ()
    #: How many `before_hook`s this stands in.
    hook_depth: int = 0

    def within(
        self, *, names: Mapping[str, Domain] | None = None, entered: str | None = None, before_hook: bool = False
    ) -> Context:
        """Return the context of something nested, with further names; `entered` is a context of the language."""
        return replace(
            self,
            names=self.names if names is None else {**self.names, **names},
            contexts=self.contexts if entered is None else (*self.contexts, entered),
            hook_depth=self.hook_depth + before_hook,
        )

    def knowing(self, tasks: Collection[str]) -> Context:
        """Return the context of something that may name these tasks."""
        return replace(self, tasks=tasks)


def kind(node: Node) -> str:
    """Return what a node is, for messages."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Listing):
        return "a list"
    if not isinstance(node, Scalar):
        return "an alias"
    found = meaning(node)
    if isinstance(found, Nothing):
        return "nothing"
    if isinstance(found, str):
        return f"the string {quote(node.text)}" if node.quoted else f"the word {quote(node.text)}"
    return quote(node.text)


def table(context: Context, node: Node, what: str, wanted: str) -> Table | None:
    """Return the node if it is a mapping that is not empty; `wanted` says what it should hold."""
    if isinstance(node, Table) and node.pairs:
        return node
    if isinstance(node, Table):
        context.problems.add(node.place, f"{what} is empty: it takes {wanted}")
    else:
        mistaken(context, node, what, wanted)
    return None


def listing(context: Context, node: Node, what: str, wanted: str, *, empty: bool = False) -> Listing | None:
    """Return the node if it is a list (not empty unless allowed)."""
    if isinstance(node, Listing) and (node.items or empty):
        return node
    if isinstance(node, Listing):
        context.problems.add(node.place, f"{what} is empty: it takes {wanted}")
    else:
        mistaken(context, node, what, wanted)
    return None


def mistaken(context: Context, node: Node, what: str, wanted: str) -> None:
    """Report a node of the wrong kind; silent where the node was reported before."""
    if isinstance(node, Scalar):
        found = meaning(node)
        if isinstance(found, Trap):
            context.problems.add(node.place, found.advice)
            return
        if isinstance(found, Nothing):
            context.problems.add(node.place, f"{what} has no value: it takes {wanted}")
            return
    if isinstance(node, Scalar | Listing | Table):
        context.problems.add(node.place, f"{what} takes {wanted}, not {kind(node)}")


def fields(context: Context, node: Table, what: str, known: Collection[str]) -> dict[str, tuple[Scalar, Node]]:
    """Return the known keys of a mapping with their key and value nodes; report the others."""
    found: dict[str, tuple[Scalar, Node]] = {}
    for key, value in node.pairs:
        if key.text in known:
            found[key.text] = (key, value)
        else:
            unknown(context, key, f"key {quote(key.text)} in {what}", known)
    return found


def unknown(context: Context, word: Scalar, what: str, known: Collection[str]) -> None:
    """Report a word that is not known here."""
    hint = suggest(word.text, tuple(known)) or problems.known(known)
    context.problems.add(word.place, f"unknown {what}{hint}")


def value(context: Context, node: Node, what: str, wanted: str, fits: Callable[[Literal], bool]) -> Value | None:
    """Return a scalar's value, or the name it refers to after looking at all that the name may stand for."""
    if not isinstance(node, Scalar):
        mistaken(context, node, what, wanted)
        return None
    found = meaning(node)
    if isinstance(found, Reference):
        return _reference(context, node, found, what, wanted, fits)
    if isinstance(found, Nothing | Trap) or not fits(found):
        if node.quoted and _fits_unquoted(node, fits):
            wanted += " without quotes"
        mistaken(context, node, what, wanted)
        return None
    return found


def _fits_unquoted(node: Scalar, fits: Callable[[Literal], bool]) -> bool:
    """Return whether only the quotes are wrong."""
    found = meaning(replace(node, quoted=False))
    return isinstance(found, Reference) or (not isinstance(found, Nothing | Trap) and fits(found))


def _reference(
    context: Context, node: Scalar, reference: Reference, what: str, wanted: str, fits: Callable[[Literal], bool]
) -> Value | None:
    if reference.name not in context.names:
        known = [f"${name}" for name in context.names]
        hint = suggest(node.text, tuple(known)) or problems.known(known)
        context.problems.add(node.place, f"unknown name {quote(node.text)}{hint}")
        return None
    domain = context.names[reference.name]
    if isinstance(domain, range):  # the turns of a repeat: what fits is a range too, so its ends tell
        domain = sorted({domain[0], domain[-1]}) if domain else []
    for possible in domain or ():
        if not fits(possible):
            message = f"{what} takes {wanted}, not {quote(possible)} ({quote(node.text)} may be that)"
            context.problems.add(node.place, message)
            return None
    return reference


def integer(context: Context, node: Node, what: str, low: int, high: int | None) -> Value | None:
    """Return an integer of low .. high (no upper end: None)."""

    def fits(found: Literal) -> bool:
        return type(found) is int and low <= found and (high is None or found <= high)

    wanted = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    wanted = f"only {low}" if low == high else wanted
    return value(context, node, what, wanted, fits)


def boolean(context: Context, node: Node, what: str) -> Value | None:
    """Return true or false."""
    return value(context, node, what, "true or false", lambda found: isinstance(found, bool))


def hooks(context: Context, node: Node, what: str) -> Value | None:
    """Return a hook trace: a string of hook letters, perhaps an empty one."""

    def fits(found: Literal) -> bool:
        return isinstance(found, str) and set(found) <= HOOKS.keys()

    return value(context, node, what, f'hook letters ({" ".join(HOOKS)}; "" for none)', fits)


def digits(context: Context, node: Node, what: str) -> Value | None:
    """Return a string of 0 and 1, which must stand in quotes: without them it looks like a number."""
    if isinstance(node, Scalar) and not node.quoted and node.text and set(node.text) <= set("01"):
        context.problems.add(node.place, f'{what} must stand in quotes: "{node.text[:64]}"')
        return None
    wanted = 'a string of 0 and 1 in quotes ("" for none)'
    return value(context, node, what, wanted, lambda found: isinstance(found, str) and set(found) <= set("01"))


def text(context: Context, node: Node, what: str) -> str | None:
    """Return a string that is not empty and has no `$name`, without surrounding white space."""
    found = meaning(node) if isinstance(node, Scalar) else None
    if isinstance(found, str) and found.strip():
        return found.strip()
    if isinstance(found, int | Reference) or (isinstance(found, Trap) and isinstance(node, Scalar)):
        context.problems.add(node.place, f"{what} must stand in quotes: {kind(node)} may be read as something else")
    elif isinstance(found, str):
        context.problems.add(node.place, f"{what} is empty")
    else:
        mistaken(context, node, what, "a string")
    return None


def is_known(word: str, known: Collection[str]) -> bool:
    """Return whether a word is known. Raises SetupError for a catalogue's entry whose file is broken."""
    if not isinstance(known, Mapping):
        return word in known
    try:
        known[word]
    except KeyError:
        return False
    return True


def names(context: Context, node: Node, what: str, known: Collection[str]) -> list[Scalar] | None:
    """Return a list of known names, each once; None if any was reported."""
    found = listing(context, node, what, f"a list, for example [{next(iter(known))}]")
    if found is None:
        return None
    before = len(context.problems)
    seen: dict[str, Scalar] = {}
    for item in found.items:
        if not isinstance(item, Scalar) or item.text == "":
            mistaken(context, item, f"an item of {what}", f"one of {listed(known)}")
        elif item.text in seen:
            context.problems.add(item.place, f"{quote(item.text)} stands in {what} twice")
        elif not is_known(item.text, known):
            unknown(context, item, f"name {quote(item.text)} in {what}", known)
        else:
            seen[item.text] = item
    return None if len(context.problems) > before else list(seen.values())
