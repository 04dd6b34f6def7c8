# SPDX-License-Identifier: GPL-2.0-only
"""`--header FILE` and `--patch FILE`: selects what to run, and builds the module with the functions of a text.

Only such runs import the header's reader, which takes long to load.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lazymmu.architecture import architectures
from lazymmu.provision import builds
from lazymmu.provision.setup import Images
from lazymmu.provision.subprocesses import ToolError
from lazymmu.results.result import Outcome, Unit
from lazymmu.results.store import ResultStore
from lazymmu.session.given import Given
from lazymmu.session.selection import Selection
from lazymmu.subject.implementations import HEADER, NATIVE
from lazymmu.support.errors import UsageError

#: The outcomes of units that a guest executed.
EXECUTED = (Outcome.PASS, Outcome.FAIL)


def selected(arguments: Namespace, selection: Selection, kept: Path | None = None) -> tuple[Given | None, Selection]:
    """Return what --header or --patch names, and the selection with its revisions; None without these flags.

    `kept` is the copy of the patch in the folder of a run that is resumed. Raises UsageError if --impl or --api
    contradicts it.
    """
    flags = [f"--{name} {value}" for name in ("header", "patch") if (value := getattr(arguments, name)) is not None]
    if len(flags) > 1:
        raise UsageError(f"{' and '.join(flags)} cannot be given together")
    if arguments.tree is not None and arguments.patch is None:
        raise UsageError(
            "--tree needs a patch", hint="give --patch FILE, or --header FILE for the tree's own pgtable.h"
        )
    if not flags:
        if HEADER in selection.impls:
            raise UsageError("--impl header needs a header", hint="give --header FILE; --impl is then not needed")
        return None, selection
    impls = (HEADER,) if arguments.patch is None else (HEADER, NATIVE)
    if selection.impls and not {*impls} & {*selection.impls}:
        raise UsageError(
            f"{flags[0]}: --impl {', '.join(selection.impls)} does not include it", hint="add --impl header"
        )
    if arguments.patch is not None:
        from lazymmu.session import patch_run

        return patch_run.selected(arguments, selection, kept)
    from lazymmu.header import text

    header = text.read(arguments.header)
    of_header = text.revisions(header, selection.apis)
    return Given(header), replace(selection, impls=selection.impls or (HEADER,), of_header=of_header)


def operations(units: Sequence[Unit], results: ResultStore) -> set[str]:
    """Return the operations of the cases that a guest executed on the text."""
    ran = {one.number for one in results if one.impl == HEADER and one.raw_outcome in EXECUTED}
    cases = {(unit.scenario.name, unit.number): unit.case for unit in units if unit.index in ran}
    return {step.op for case in cases.values() for step in case.walk()}


def account(given: Given | None, operations: Collection[str]) -> dict[str, Any]:
    """Return what run.json and all reports say of the text after these operations on it, and of the patch."""
    if given is None:
        return {}
    from lazymmu.header import driven

    text = {} if given.text is None else {"text": driven.account(given.text, operations)}
    return {**text, **({"patch_applied": given.facts} if given.facts else {})}


def build(given: Given | None, prepared: Sequence[Images]) -> builds.Variants:
    """Build the module with what is under test for each machine. Raises HeaderError with the compiler's messages."""
    if given is None or not prepared:
        return builds.Variants()
    from lazymmu.header import source

    common = builds.PLAIN if given.text is None else source.variant(given.text)
    every = architectures()
    special = {
        (arch, kernel): source.natively(common, headers, every[arch])
        for (arch, kernel), headers in given.native.items()
    }
    made = builds.Variants(common, special)

    def one(images: Images, arch: str) -> None:
        variant = made.of(arch, images.name)
        try:
            sandbox, kernel = images.sandboxes[arch], images.kernels[arch]
            builds.module(images.cache, sandbox, architectures()[arch], kernel, variant=variant)
        except ToolError as error:
            refused = None if given.text is None else source.refused(given.text, error)
            if refused is None and (headers := given.native.get((arch, images.name))):
                refused = source.refused_natively(given.facts["given"], headers, error)
            if refused is None:
                raise
            raise refused from error

    for images in prepared:
        images.all_ready()
    # All images are of one cache.
    tools = prepared[0].cache.tools
    tools.in_threads([partial(one, images, arch) for images in prepared for arch in images.kernels])
    return made
