# SPDX-License-Identifier: GPL-2.0-only
"""The text of a `pgtable.h`: its lazy-MMU functions, and the revision that they are.

A refusal says what was searched for, and where, because the user may have named another file, version or draft.
"""

import re
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from lazymmu.header import lines
from lazymmu.header.functions import Definitions, definitions
from lazymmu.header.lines import Region, UnreadableError
from lazymmu.scenario.strict_yaml.files import read_text
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS, revisions_with
from lazymmu.support.errors import UsageError

#: The condition around the functions.
CONFIG = "CONFIG_ARCH_HAS_LAZY_MMU_MODE"
#: Its name in version 3 of October 2025.
_CONFIG_OF_V3 = "CONFIG_ARCH_LAZY_MMU"
#: The functions that every header must have.
NEEDED = ("lazy_mmu_mode_enable", "lazy_mmu_mode_disable", "lazy_mmu_mode_pause", "lazy_mmu_mode_resume")
#: Functions that Linux 7.2 added; a header has both or none.
OF_TASKS = ("__task_lazy_mmu_mode_pause", "__task_lazy_mmu_mode_resume")
#: The function that the s390 series of 2026 adds.
WITH_PTES = "lazy_mmu_mode_enable_with_ptes"
#: Its names in that series: the present one, and those of its first and its second version.
NAMES_OF_WITH_PTES = (WITH_PTES, "lazy_mmu_mode_enable_pte", "lazy_mmu_mode_enable_for_pte_range")
#: Linux 7 has these in sched.h.
ACTIVE = ("is_lazy_mmu_mode_active", "__task_lazy_mmu_mode_active")
#: All functions of the API.
API = (*NEEDED, *OF_TASKS, *NAMES_OF_WITH_PTES, *ACTIVE)

#: The state of Linux 7.0 and later, and those of the drafts: a counter and a flag.
MERGED_STATE = ("enable_count", "pause_count")
_STATES = (MERGED_STATE, ("count", "enabled"), ("nesting_level", "active"))
# The drafts with checks are version 3 and later.
_CHECK = re.compile(r"\b(VM_)?(WARN|BUG)(_ON)?(_ONCE)?\s*\(")
_C = re.compile(r"\w+|[^\w\s]")
# A header from before 7.0 has one of these.
_BEFORE = re.compile(r"\b__HAVE_ARCH_ENTER_LAZY_MMU_MODE\b|\barch_enter_lazy_mmu_mode\s*\(")
_STATE = re.compile(r"\bstruct\s+lazy_mmu_state\s*\*\s*(?:const\s+)?(\w+)")
_SEARCHED = f"searched for {', '.join(f'{name}()' for name in NEEDED)} under `#ifdef {CONFIG}`"
_HINT = "give include/linux/pgtable.h of Linux 7.0 or later, or an edited copy of it"


class HeaderError(UsageError):
    """The file cannot be tested as it is; an edit may help."""


class Text(Struct, frozen=True):
    """A header that can be tested."""

    #: The flag and what the user gave with it, for messages: `--header my.h`.
    given: str
    #: The path that messages show with a line.
    shown: str
    whole: str
    regions: tuple[Region, ...]
    #: The functions that the regions define, and the macros with names of the API.
    functions: frozenset[str]
    #: The fields of the state on which they work.
    state: tuple[str, str]
    #: The revision that they are.
    revision: str

    @property
    def with_ptes(self) -> str | None:
        """The name that it has for `lazy_mmu_mode_enable_with_ptes()`; None if it has none."""
        return next((name for name in NAMES_OF_WITH_PTES if name in self.functions), None)

    @property
    def possible(self) -> tuple[str, ...]:
        """The revisions as which it can be run: those with its state, and with no call that it lacks."""
        lacking = frozenset() if self.with_ptes else revisions_with("enable_with_ptes")
        return tuple(name for name in _revisions_with_state(self.state) if name not in lacking)


def read(shown: str) -> Text:
    """Return the header of this path. Raises HeaderError if its functions are missing or cannot be tested."""
    return parsed(_content(shown), f"--header {shown}", shown)


def parsed(whole: str, given: str, shown: str) -> Text:
    """Return the header with this content; `given` and `shown` are those of `Text`. Raises HeaderError."""
    # Messages begin with both, but name a path once.
    place = given if given.endswith(shown) else f"{given}: {shown}"
    if not whole.strip():
        raise HeaderError(f"{place}: is empty", hint=_HINT)
    if (zero := whole.find("\0")) >= 0:
        raise HeaderError(f"{place}:{whole.count(chr(10), 0, zero) + 1}: not a text (byte 0x00)", hint=_HINT)
    try:
        regions, found, functions = _functions(whole, CONFIG)
        if not functions & set(NEEDED):
            of_v3 = _functions(whole, _CONFIG_OF_V3)
            regions, found, functions = of_v3 if of_v3[2] & set(NEEDED) else (regions, found, functions)
    except UnreadableError as error:
        raise HeaderError(f"{place}:{error.line}: {error}") from None
    state = _state(place, regions)
    if not functions & set(NEEDED):
        raise _no_functions(place, whole, regions)
    _check_missing(place, regions, found, functions)
    return Text(given, shown, whole, tuple(regions), frozenset(functions), state, _revision(state, regions, functions))


def words(whole: str) -> tuple[list[str], list[str]]:
    """Return the words of C in the lines of the functions, and those in the other lines, without comments."""
    try:
        bare, regions = lines.bare(whole).split("\n"), lines.regions(whole, CONFIG)
        regions = regions or lines.regions(whole, _CONFIG_OF_V3)
    except UnreadableError:
        return [whole], []
    inside = {region.first + index for region in regions for index in range(len(region.lines))}
    parts = ([line for number, line in enumerate(bare, 1) if (number in inside) is wanted] for wanted in (True, False))
    first, second = (_C.findall("\n".join(part)) for part in parts)
    return first, second


def revisions(text: Text, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the revisions to run: the header's own, or those of --api. Raises UsageError if it is not of one."""
    if not wanted:
        return (text.revision,)
    if "all" in wanted:
        # A draft differs from the others with its state, which differ in what one function does.
        return text.possible if text.state == MERGED_STATE else (text.revision,)
    for name in wanted:
        if name in REVISIONS and name not in text.possible:
            fields = " and ".join(field for field, _ in state_fields(REVISIONS[name]))
            state = f"its state is {' and '.join(text.state)}, that of {name} is {fields}"
            why = f"it has no {WITH_PTES}()" if name in _revisions_with_state(text.state) else state
            raise UsageError(f"--api {name}: {text.shown} is another revision: {why}", hint=f"it is {text.revision}")
    return tuple(wanted)


def _revisions_with_state(fields: tuple[str, str]) -> list[str]:
    return [name for name, one in REVISIONS.items() if tuple(field for field, _ in state_fields(one)) == fields]


def _functions(whole: str, config: str) -> tuple[list[Region], list[Definitions], set[str]]:
    """Return the lines that depend on a macro, what they define, and which functions of the API are among that."""
    regions = lines.regions(whole, config)
    found = [definitions(region.bare, region.first) for region in regions]
    functions = {name for one in found for name in one.functions}
    return regions, found, functions | {name for one in found for name in one.macros if name in API}


def _revision(state: tuple[str, str], regions: Sequence[Region], functions: set[str]) -> str:
    """Return the revision of functions that work on this state."""
    known = _revisions_with_state(state)
    with_ranges = [name for name in known if name in revisions_with("enable_with_ptes")]
    if with_ranges and functions & set(NAMES_OF_WITH_PTES):
        return with_ranges[0]
    others = [name for name in known if name not in with_ranges]
    # Of proposal and v3, which have the same state, only v3 has checks.
    return others[-1 if any(_CHECK.search(line) for region in regions for line in region.bare) else 0]


def _content(shown: str) -> str:
    problems = Problems()
    text = read_text(shown, problems, "header")
    if text is None:
        raise UsageError(f"--header {problems.found[0]}", hint=_HINT)
    return text.replace("\r\n", "\n")


def _state(place: str, regions: Sequence[Region]) -> tuple[str, str]:
    """Return the fields of the state that functions use. Raises HeaderError for a field of no or of another state."""
    accesses = []
    for region in regions:
        variables = {"lazy_mmu_state", *_STATE.findall("\n".join(region.bare))}
        access = re.compile(rf"\b(?:{'|'.join(sorted(variables))})\s*(?:->|\.)\s*(\w+)")
        for number, line in enumerate(region.bare, start=region.first):
            accesses += [(number, field) for field in access.findall(line)]
    counts = Counter(field for _, field in accesses)
    state = max(_STATES, key=lambda fields: sum(counts[field] for field in fields))
    for number, field in accesses:
        if field not in state:
            others = [name for name, one in REVISIONS.items() if field in dict(state_fields(one))]
            owner = f"is that of {' and '.join(others)}" if others else "no revision has"
            raise HeaderError(
                f"{place}:{number}: its functions use `{field}` of a task's state, which {owner}: the others use "
                f"{' and '.join(state)}",
                hint=f"the module has these revisions, too: lazymmu run --api {others[0]}" if others else _HINT,
            )
    return state


def _no_functions(place: str, whole: str, regions: Sequence[Region]) -> HeaderError:
    bare = lines.bare(whole)
    outside = definitions(bare.split("\n")).functions.get(NEEDED[0])
    if outside is not None:
        return HeaderError(
            f"{place}:{outside}: {NEEDED[0]}() is not under `#ifdef {CONFIG}`; {_SEARCHED}",
            hint="the condition tells it from the empty functions for other architectures",
        )
    if (old := _BEFORE.search(bare)) and not regions:
        return HeaderError(
            f"{place}:{bare.count(chr(10), 0, old.start()) + 1}: from before Linux 7.0: it has "
            f"`{old[0].rstrip('( ')}` and no {NEEDED[0]}(); {_SEARCHED}",
            hint="lazy MMU mode does not nest there, so there is nothing to test",
        )
    where = f"which begins at {_places(regions)}" if regions else "which it does not have"
    return HeaderError(f"{place}: has none of the lazy-MMU functions; {_SEARCHED}, {where}", hint=_HINT)


def _check_missing(place: str, regions: Sequence[Region], found: Sequence[Definitions], functions: set[str]) -> None:
    """Raise HeaderError if the header has only some of the functions that belong together."""
    pair = OF_TASKS if functions & set(OF_TASKS) else ()
    missing = [name for name in (*NEEDED, *pair) if name not in functions]
    if not missing:
        return
    declared = {name: f" (only declared, at line {line})" for one in found for name, line in one.declared.items()}
    listed = ", ".join(f"{name}()" + declared.get(name, "") for name in missing)
    raise HeaderError(
        f"{place}: {listed} {'is' if len(missing) == 1 else 'are'} missing: of the lazy-MMU functions only "
        f"{', '.join(f'{name}()' for name in API if name in functions)} have a body under `#ifdef {CONFIG}`, "
        f"at {_places(regions)}",
        hint=_HINT,
    )


def _places(regions: Sequence[Region]) -> str:
    return f"line{'s' if len(regions) > 1 else ''} {' and '.join(str(region.first) for region in regions)}"
