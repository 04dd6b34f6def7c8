# SPDX-License-Identifier: GPL-2.0-only
"""`--patch`: applies a patch to the `pgtable.h` of the base that it fits best, and tells what of it is tested."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from lazymmu.header import driven, hunks, mails
from lazymmu.header.bases import Base, Nearest, NoBase, nearest
from lazymmu.header.hunks import Change
from lazymmu.header.mails import Series
from lazymmu.header.text import CONFIG, HeaderError, words

#: The file whose functions are driven.
PGTABLE = "include/linux/pgtable.h"
_OUTSIDE = f"{PGTABLE} outside `#ifdef {CONFIG}`"


class Patch(Struct, frozen=True):
    """A patch that was read."""

    #: As the user named it.
    name: str
    series: Series
    #: Path -> what is changed there, in the order of the mails.
    changes: Mapping[str, Sequence[Change]]

    @property
    def given(self) -> str:
        """The flag, for messages."""
        return f"--patch {self.name}"

    @property
    def title(self) -> str:
        """Its name, and the subject of its first mail."""
        first, *others = [mail.subject for mail in self.series.mails]
        more = f" and {len(others)} more" if others else ""
        return f"{self.name}: {first}{more}" if first else self.name

    def place(self, path: str, groups: Iterable[Sequence[Base]], fetch: Callable[[Base], None]) -> Nearest:
        """Return the base that the changes of a file fit best. Raises HeaderError if there is none."""
        changes = self.changes[path]
        for change in changes:
            if change.path != path:
                raise HeaderError(f"{self.given}: removes or moves {path}, so that nothing is left to test")
        try:
            return nearest(path, changes, groups, fetch)
        except NoBase as error:
            reasons = "".join(f"\n    {name}: {reason}" for name, reason in error.tried.items())
            missing = ", ".join(map(str, self.series.missing))
            whole = f"give the whole series: mail {missing} of it is missing" if missing else ""
            raise HeaderError(
                f"{self.given}: does not apply to {path} of any base that was tried:{reasons}",
                hint=whole or "--tree DIR applies it to the files of a kernel tree of yours",
            ) from None

    def refusal(self, natively: Collection[str], problems: Sequence[str]) -> HeaderError:
        """Return the error for a patch of which nothing is tested.

        `natively` are headers that could be, and `problems` says why they are not.
        """
        changed = [f"{path} (comments, or other lines)" if path == PGTABLE else path for path in self.changes]
        wanted = " and ".join([f"the functions under `#ifdef {CONFIG}` in {PGTABLE}", *natively])
        lines = [f"{self.given}: changes nothing that is tested: it changes {', '.join(changed)}; looked for {wanted}"]
        return HeaderError("\n    ".join([*lines, *problems]))


def read(name: str, raw: bytes) -> Patch:
    """Return the patch in the content of `--patch NAME`. Raises HeaderError."""
    series = mails.series(name, raw)
    changes: dict[str, list[Change]] = {}
    for mail in series.mails:
        for change in hunks.changes(name, mail):
            changes.setdefault(change.before or change.path or "", []).append(change)
    if not any(change.hunks for some in changes.values() for change in some):
        raise HeaderError(f"--patch {name}: is not a patch: its diff has no hunk `@@ -1,2 +1,2 @@`")
    return Patch(name, series, changes)


def is_tested(place: Nearest) -> bool:
    """Return whether a change of PGTABLE changes its functions, not only comments or other lines."""
    return words(place.before)[0] != words(place.fit.text)[0]


def facts(
    patch: Patch, text: Nearest | None, native: Mapping[str, tuple[str, Nearest]], problems: Sequence[str]
) -> dict[str, Any]:
    """Return what reports say of a patch; `text` is the base of the functions' text if they are tested.

    `native` has for each header that is compiled natively the machine's name and the base; `problems` says why others
    are not.
    """
    rest = [path for path in patch.changes if path not in (PGTABLE, *native)]
    if PGTABLE in patch.changes and (text is None or words(text.before)[1] != words(text.fit.text)[1]):
        rest.insert(0, _OUTSIDE)
    return {
        "given": patch.given,
        "title": patch.title,
        "mails": [mail.subject for mail in patch.series.mails],
        "base": None if text is None else _base(PGTABLE, text),
        "native": [_natively(path, machine, place) for path, (machine, place) in native.items()],
        "not_tested": rest,
        "notes": [*patch.series.notes, *problems],
    }


def _natively(path: str, machine: str, place: Nearest) -> dict[str, Any]:
    called, others = driven.natively(place.before, place.fit.text)
    return {"machine": machine, **_base(path, place), "driven": called, "not_driven": others}


def _base(path: str, place: Nearest) -> dict[str, Any]:
    return {
        "file": path,
        "name": place.base.name,
        "exact": place.exact,
        "offset": place.fit.offset,
        "fuzz": place.fit.fuzz,
        "fit": place.quality(),
    }
