# SPDX-License-Identifier: GPL-2.0-only
"""The text of a `pgtable.h`: its lazy-MMU functions, and the revision that they are.

A refusal says what was searched for, and where, because the user may have named another file, version or draft.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from lazymmu.header import lines
from lazymmu.header.functions import Definitions, definitions
from lazymmu.header.lines import Region, UnreadableError
from lazymmu.scenario.strict_yaml.files import read_text
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.subject.implementations import HEADER, IMPLEMENTATIONS
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import UsageError

#: The condition around the functions.
CONFIG = "CONFIG_ARCH_HAS_LAZY_MMU_MODE"
#: The functions that every header must have.
NEEDED = ("lazy_mmu_mode_enable", "lazy_mmu_mode_disable", "lazy_mmu_mode_pause", "lazy_mmu_mode_resume")
#: Functions that Linux 7.2 added; a header has both or none.
OF_TASKS = ("__task_lazy_mmu_mode_pause", "__task_lazy_mmu_mode_resume")
#: The function that the s390 series of 2026 adds.
WITH_PTES = "lazy_mmu_mode_enable_with_ptes"
#: All functions of the API; Linux 7 has the last two in sched.h.
API = (*NEEDED, *OF_TASKS, WITH_PTES, "is_lazy_mmu_mode_active", "__task_lazy_mmu_mode_active")

_MERGED, _EXTENDED = "merged", "with-ptes"
_FIELDS = ("enable_count", "pause_count")
# A header from before 7.0 has one of these.
_BEFORE = re.compile(r"\b__HAVE_ARCH_ENTER_LAZY_MMU_MODE\b|\barch_enter_lazy_mmu_mode\s*\(")
_STATE = re.compile(r"\bstruct\s+lazy_mmu_state\s*\*\s*(?:const\s+)?(\w+)")
_SEARCHED = f"searched for {', '.join(f'{name}()' for name in NEEDED)} under `#ifdef {CONFIG}`"
_HINT = "give include/linux/pgtable.h of Linux 7.0 or later, or an edited copy of it"


class HeaderError(UsageError):
    """The file cannot be tested as it is; an edit may help."""


class Text(Struct, frozen=True):
    """A header that can be tested."""

    #: Its path as the user gave it.
    shown: str
    whole: str
    regions: tuple[Region, ...]
    #: The functions that the regions define, and the macros with names of the API.
    functions: frozenset[str]

    @property
    def revision(self) -> str:
        """The revision of its functions."""
        return _EXTENDED if WITH_PTES in self.functions else _MERGED


def read(shown: str) -> Text:
    """Return the header of this path. Raises HeaderError if its functions are missing or cannot be tested."""
    whole = _content(shown)
    try:
        regions = lines.regions(whole, CONFIG)
    except UnreadableError as error:
        raise HeaderError(f"--header {shown}:{error.line}: {error}") from None
    found = [definitions(region.bare, region.first) for region in regions]
    functions = {name for one in found for name in one.functions}
    functions |= {name for one in found for name in one.macros if name in API}
    _check_fields(shown, regions)
    if not functions & set(NEEDED):
        raise _no_functions(shown, whole, regions)
    _check_missing(shown, regions, found, functions)
    return Text(shown, whole, tuple(regions), frozenset(functions))


def revisions(text: Text, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the revisions to run: the header's own, or those of --api. Raises UsageError if it is not of one."""
    possible = (_MERGED,) if text.revision == _MERGED else (_MERGED, _EXTENDED)
    if not wanted:
        return (text.revision,)
    if "all" in wanted:
        return possible
    for name in wanted:
        if name in REVISIONS and name not in possible:
            fields = " and ".join(field for field, _ in state_fields(REVISIONS[name]))
            state = f"its state is {' and '.join(_FIELDS)}, that of {name} is {fields}"
            why = f"it has no {WITH_PTES}()" if name in IMPLEMENTATIONS[HEADER].revisions else state
            raise UsageError(f"--api {name}: {text.shown} is another revision: {why}", hint=f"it is {text.revision}")
    return tuple(wanted)


def _content(shown: str) -> str:
    problems = Problems()
    text = read_text(shown, problems, "header")
    if text is None:
        raise UsageError(f"--header {problems.found[0]}", hint=_HINT)
    if not text.strip():
        raise HeaderError(f"--header {shown}: is empty", hint=_HINT)
    if (zero := text.find("\0")) >= 0:
        raise HeaderError(f"--header {shown}:{text.count(chr(10), 0, zero) + 1}: not a text (byte 0x00)", hint=_HINT)
    return text.replace("\r\n", "\n")


def _check_fields(shown: str, regions: Iterable[Region]) -> None:
    """Raise HeaderError if the functions use state fields that `merged` does not have."""
    for region in regions:
        variables = {"lazy_mmu_state", *_STATE.findall("\n".join(region.bare))}
        access = re.compile(rf"\b(?:{'|'.join(sorted(variables))})\s*(?:->|\.)\s*(\w+)")
        for number, line in enumerate(region.bare, start=region.first):
            for field in access.findall(line):
                if field in _FIELDS:
                    continue
                others = [name for name, one in REVISIONS.items() if field in dict(state_fields(one))]
                owner = f"is that of {' and '.join(others)}" if others else "no revision has"
                raise HeaderError(
                    f"--header {shown}:{number}: its functions use `{field}` of a task's state, which {owner}: Linux "
                    f"7.0 and later have {' and '.join(_FIELDS)}",
                    hint=f"the module has these revisions, too: lazymmu run --api {others[0]}" if others else _HINT,
                )


def _no_functions(shown: str, whole: str, regions: Sequence[Region]) -> HeaderError:
    bare = lines.bare(whole)
    outside = definitions(bare.split("\n")).functions.get(NEEDED[0])
    if outside is not None:
        return HeaderError(
            f"--header {shown}:{outside}: {NEEDED[0]}() is not under `#ifdef {CONFIG}`; {_SEARCHED}",
            hint="the condition tells it from the empty functions for other architectures",
        )
    if (old := _BEFORE.search(bare)) and not regions:
        return HeaderError(
            f"--header {shown}:{bare.count(chr(10), 0, old.start()) + 1}: from before Linux 7.0: it has "
            f"`{old[0].rstrip('( ')}` and no {NEEDED[0]}(); {_SEARCHED}",
            hint="lazy MMU mode does not nest there, so there is nothing to test",
        )
    where = f"which begins at {_places(regions)}" if regions else "which it does not have"
    return HeaderError(f"--header {shown}: has none of the lazy-MMU functions; {_SEARCHED}, {where}", hint=_HINT)


def _check_missing(shown: str, regions: Sequence[Region], found: Sequence[Definitions], functions: set[str]) -> None:
    """Raise HeaderError if the header has only some of the functions that belong together."""
    pair = OF_TASKS if functions & set(OF_TASKS) else ()
    missing = [name for name in (*NEEDED, *pair) if name not in functions]
    if not missing:
        return
    declared = {name: f" (only declared, at line {line})" for one in found for name, line in one.declared.items()}
    listed = ", ".join(f"{name}()" + declared.get(name, "") for name in missing)
    raise HeaderError(
        f"--header {shown}: {listed} {'is' if len(missing) == 1 else 'are'} missing: of the lazy-MMU functions only "
        f"{', '.join(f'{name}()' for name in API if name in functions)} have a body under `#ifdef {CONFIG}`, "
        f"at {_places(regions)}",
        hint=_HINT,
    )


def _places(regions: Sequence[Region]) -> str:
    return f"line{'s' if len(regions) > 1 else ''} {' and '.join(str(region.first) for region in regions)}"
