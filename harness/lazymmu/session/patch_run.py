# SPDX-License-Identifier: GPL-2.0-only
"""`run --patch FILE`: which kernels' headers it is applied to, and which units test what it changes."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from lazymmu.architecture import architectures, chosen, machine_name
from lazymmu.header import driven, mails, patched, text
from lazymmu.header.bases import Base, Nearest, NoBase, nearest, of_kernel
from lazymmu.header.patched import PGTABLE, Patch
from lazymmu.provision import catalogue
from lazymmu.session import requests
from lazymmu.session.given import Given
from lazymmu.session.selection import Selection, chosen_kernels
from lazymmu.subject.implementations import HEADER, NATIVE
from lazymmu.support.errors import UsageError


class _Placing:
    """Places the changes of one patch."""

    def __init__(self, patch: Patch, arguments: Namespace, selection: Selection) -> None:
        self.patch = patch
        self._selection = selection
        self._tree = arguments.tree
        self._offline = arguments.offline
        self._cache = requests.cache()

    def _fetch(self, base: Base) -> None:
        base.fetch(self._cache, offline=self._offline)

    def functions(self) -> Nearest | None:
        """Return the base of PGTABLE; None if the functions there are as before. Raises HeaderError."""
        if PGTABLE not in self.patch.changes:
            return None
        place = self.patch.place(PGTABLE, self._groups(), self._fetch)
        return place if patched.is_tested(place) else None

    def _groups(self) -> Iterator[Sequence[Base]]:
        """Yield the bases in the order in which they are tried: the user's, those that are there, all others."""
        if self._tree is not None:
            if not Path(self._tree, PGTABLE).is_file():
                raise UsageError(f"--tree {self._tree}: is not a source tree of Linux: it has no {PGTABLE}")
            yield [Base(f"--tree {self._tree}", Path(self._tree))]
            return
        every = [of_kernel(self._cache, kernel, kernel.flavours) for kernel in catalogue.kernels().values()]
        named = [base for base in every if base.kernel in self._selection.kernels]
        there = [base for base in every if base.folder.is_dir() and base.package and base not in named]
        yield named
        yield there
        yield [base for base in every if base not in (*named, *there)]

    def natively(self, arch: str, path: str) -> tuple[Nearest, dict[str, str]]:
        """Return the kernel on which an architecture's patched header is compiled, and the headers for that.

        Raises NoBase if it fits none that has an implementation of its own.
        """
        some = chosen_kernels(self._selection) if self._selection.kernels else catalogue.kernels().values()
        bases = [of_kernel(self._cache, kernel, [arch]) for kernel in some if arch in kernel.native]
        place = nearest(path, self.patch.changes[path], [bases], self._fetch)
        functions = (place.base.folder / PGTABLE).read_text(encoding="utf-8")
        if PGTABLE in self.patch.changes:
            functions = nearest(PGTABLE, self.patch.changes[PGTABLE], [[place.base]], self._fetch).fit.text
        return place, {path: place.fit.text, PGTABLE: functions}


def selected(arguments: Namespace, selection: Selection, kept: Path | None) -> tuple[Given, Selection]:
    """Return what --patch puts under test, and the selection of the units that test it. Raises UsageError.

    `kept` is the copy of the patch in the folder of a run that is resumed.
    """
    raw = mails.content(arguments.patch) if kept is None else kept.read_bytes()
    patch = patched.read(arguments.patch, raw)
    placing = _Placing(patch, arguments, selection)
    impls = selection.impls or (HEADER, NATIVE)
    place = placing.functions() if HEADER in impls else None
    tested = None
    if place is not None:
        tested = text.parsed(place.fit.text, f"{patch.given} on {place.base.name}", PGTABLE)
    headers = {arch: path for arch in chosen(selection.arches) if (path := architectures()[arch].native_header)}
    native: dict[str, tuple[str, Nearest]] = {}
    files: dict[tuple[str, str], dict[str, str]] = {}
    problems: list[str] = []
    for arch, path in headers.items():
        if NATIVE in impls and path in patch.changes:
            try:
                found, own = placing.natively(arch, path)
            except NoBase as error:
                problems.append(f"{path} is not compiled: {str(error) or 'no kernel of the run has a mode of its own'}")
                continue
            called, others = driven.natively(found.before, found.fit.text)
            if not called:
                problems.append(f"{path} is not compiled: no scenario calls {', '.join(others) or 'what it changes'}")
            else:
                native[path] = machine_name(arch, found.base.kernel), found
                files[arch, found.base.kernel] = own
    if tested is None and not files:
        raise patch.refusal(headers.values(), problems)
    facts = patched.facts(patch, place, native, problems)
    narrowed = replace(
        selection,
        impls=tuple(name for name in impls if name != NATIVE) or (HEADER,),
        of_header=() if tested is None else text.revisions(tested, selection.apis),
        natively=tuple(files),
    )
    return Given(tested, raw, facts, files), narrowed
