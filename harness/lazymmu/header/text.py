# SPDX-License-Identifier: GPL-2.0-only
"""The text of a `pgtable.h`: the lazy-MMU functions in it, which revision they are, or what it has instead of them.

Every refusal says what was looked for, and where: the user may have named another file, another version or a draft.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from lazymmu.header import lines
from lazymmu.header.functions import Definitions, names
from lazymmu.header.lines import Region, Unreadable
from lazymmu.subject.implementations import HEADER, IMPLEMENTATIONS
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import UsageError

#: What the functions stand under.
CONFIG = "CONFIG_ARCH_HAS_LAZY_MMU_MODE"
#: Functions without which nothing can be run.
NEEDED = ("lazy_mmu_mode_enable", "lazy_mmu_mode_disable", "lazy_mmu_mode_pause", "lazy_mmu_mode_resume")
#: The two that came with 7.1, both or none.
OF_TASKS = ("__task_lazy_mmu_mode_pause", "__task_lazy_mmu_mode_resume")
#: The one that the s390 series of 2026 adds.
WITH_PTES = "lazy_mmu_mode_enable_with_ptes"
#: Those that stand in sched.h up to now.
OF_STATE = ("is_lazy_mmu_mode_active", "__task_lazy_mmu_mode_active")
#: The names that a kernel may have itself.
API = (*NEEDED, *OF_TASKS, WITH_PTES, *OF_STATE)

_MERGED, _EXTENDED = "merged", "with-ptes"
_FIELDS = ("enable_count", "pause_count")
# Of old headers: the architecture said with the first that it has the mode.
_BEFORE = re.compile(r"\b__HAVE_ARCH_ENTER_LAZY_MMU_MODE\b|\barch_enter_lazy_mmu_mode\s*\(")
_STATE = re.compile(r"\bstruct\s+lazy_mmu_state\s*\*\s*(?:const\s+)?(\w+)")
# Bytes; the kernel's own has 70,000.
_MOST = 4_000_000
_HINT = "the file that is looked for is include/linux/pgtable.h of Linux 7.0 or later, or an edited copy of it"


class HeaderError(UsageError):
    """A file that cannot be tested as it stands; an edit may mend it."""


class Text(Struct, frozen=True):
    """A header with all that is needed in it."""

    #: Its path as the user gave it.
    shown: str
    whole: str
    regions: tuple[Region, ...]
    #: Functions, and macros of the API's names, that the regions define.
    functions: frozenset[str]

    @property
    def revision(self) -> str:
        """The revision that its functions are."""
        return _EXTENDED if WITH_PTES in self.functions else _MERGED


def read(shown: str) -> Text:
    """Return the text of the file of this name. HeaderError for one that is no header with the functions in it."""
    whole = _content(shown)
    try:
        regions = lines.regions(whole, CONFIG)
    except Unreadable as error:
        raise HeaderError(f"--header {shown}:{error.line}: {error}") from None
    found = [names(region.bare, region.first) for region in regions]
    functions = {name for one in found for name in one.functions}
    functions |= {name for one in found for name in one.macros if name in API}
    _check_fields(shown, regions)
    _check_functions(shown, whole, regions, found, functions)
    return Text(shown, whole, tuple(regions), frozenset(functions))


def revisions(text: Text, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the revisions to run it as: its own, or those of --api. UsageError for one that it cannot be."""
    possible = [_MERGED] if text.revision == _MERGED else [_MERGED, _EXTENDED]
    if not wanted:
        return (text.revision,)
    if "all" in wanted:
        return tuple(possible)
    for name in wanted:
        if name in possible or name not in REVISIONS:
            continue
        why = (
            f"it has no {WITH_PTES}()"
            if name in IMPLEMENTATIONS[HEADER].revisions
            else f"its state is {' and '.join(_FIELDS)}, that of {name} is "
            f"{' and '.join(field for field, _ in state_fields(REVISIONS[name]))}"
        )
        raise UsageError(f"--api {name}: {text.shown} is not of this revision: {why}", hint=f"it is {text.revision}")
    return tuple(wanted)


def _content(shown: str) -> str:
    path = Path(shown)
    try:
        if path.is_dir():
            raise UsageError(f"--header {shown}: a folder, not a file", hint=_HINT)
        if path.exists() and not path.is_file():
            raise UsageError(f"--header {shown}: not a file", hint=_HINT)
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--header {shown}: cannot be read: {why}", hint=_HINT) from None
    if not data.strip():
        raise HeaderError(f"--header {shown}: is empty", hint=_HINT)
    if len(data) > _MOST:
        raise HeaderError(f"--header {shown}: has more than {_MOST:,} bytes, which no header has", hint=_HINT)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise HeaderError(f"--header {shown}:{line}: not a text (byte {error.start})", hint=_HINT) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise HeaderError(f"--header {shown}:{line}: not a text (a byte of 0)", hint=_HINT)
    return text.replace("\r\n", "\n")


def _check_fields(shown: str, regions: Iterable[Region]) -> None:
    for region in regions:
        variables = {name for line in region.bare for name in _STATE.findall(line)}
        access = re.compile(
            rf"\b(?:{'|'.join(map(re.escape, ('lazy_mmu_state', *sorted(variables))))})\s*(?:->|\.)\s*(\w+)"
        )
        for number, line in enumerate(region.bare, start=region.first):
            for field in access.findall(line):
                if field in _FIELDS:
                    continue
                others = [name for name, one in REVISIONS.items() if field in dict(state_fields(one))]
                raise HeaderError(
                    f"--header {shown}:{number}: its functions use `{field}` of a task's state, which "
                    f"{'is that of ' + ' and '.join(others) if others else 'no revision has'}: Linux 7.0 and later "
                    f"have {' and '.join(_FIELDS)}",
                    hint=f"the module itself is also of these revisions: lazymmu run --api {others[0]}"
                    if others
                    else _HINT,
                )


def _check_functions(
    shown: str, whole: str, regions: Sequence[Region], found: Sequence[Definitions], functions: set[str]
) -> None:
    looked = f"looked for {', '.join(f'{name}()' for name in NEEDED)} under `#ifdef {CONFIG}`"
    if not functions & set(NEEDED):
        everywhere = names(lines.bare(whole).split("\n"))
        outside = everywhere.functions.get(NEEDED[0])
        if outside is not None:
            raise HeaderError(
                f"--header {shown}:{outside}: {NEEDED[0]}() does not stand under `#ifdef {CONFIG}`; {looked}",
                hint="without the condition it cannot be told from the empty functions of other architectures",
            )
        for number, line in enumerate(lines.bare(whole).split("\n"), start=1):
            old = _BEFORE.search(line)
            if old and not regions:
                raise HeaderError(
                    f"--header {shown}:{number}: from before Linux 7.0: `{old[0].rstrip('( ')}` is there, and "
                    f"no {NEEDED[0]}(); {looked}",
                    hint="lazy MMU mode does not nest there, and there is nothing to test",
                )
        has = f"what stands there begins at {_places(regions)}" if regions else "which it has not got"
        raise HeaderError(f"--header {shown}: has none of the lazy-MMU functions; {looked}, {has}", hint=_HINT)
    pair = OF_TASKS if functions & set(OF_TASKS) else ()
    missing = [name for name in (*NEEDED, *pair) if name not in functions]
    if not missing:
        return
    declared = {name: line for one in found for name, line in one.declared.items()}
    said = [
        f"{name}()" + (f" (only declared, at line {declared[name]})" if name in declared else "") for name in missing
    ]
    raise HeaderError(
        f"--header {shown}: {', '.join(said)} {'is' if len(said) == 1 else 'are'} missing: of the lazy-MMU functions "
        f"only {', '.join(f'{name}()' for name in API if name in functions)} have a body under `#ifdef {CONFIG}`, "
        f"at {_places(regions)}",
        hint=_HINT,
    )


def _places(regions: Sequence[Region]) -> str:
    return f"line{'s' if len(regions) > 1 else ''} {' and '.join(str(region.first) for region in regions)}"
