# SPDX-License-Identifier: GPL-2.0-only
"""`run --header FILE`: selects its revisions, and builds the module with the functions of that file.

Only such runs import the header's reader, which takes long to load.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lazymmu.architecture import architectures
from lazymmu.provision import builds
from lazymmu.provision.setup import Images
from lazymmu.provision.subprocesses import ToolError
from lazymmu.results.result import Outcome
from lazymmu.results.store import ResultStore
from lazymmu.session.selection import Selection
from lazymmu.subject.implementations import HEADER
from lazymmu.support.errors import UsageError

if TYPE_CHECKING:
    from lazymmu.header.text import Text

#: The outcomes of units that a guest executed.
EXECUTED = (Outcome.PASS, Outcome.FAIL)


def selected(arguments: Namespace, selection: Selection) -> tuple[Text | None, Selection]:
    """Return the text that --header names, and the selection with its revisions; None without that flag.

    Raises UsageError if --impl or --api contradicts it.
    """
    impls = selection.impls
    if arguments.header is None:
        if HEADER in impls:
            raise UsageError("--impl header needs a header", hint="give --header FILE; --impl is then not needed")
        return None, selection
    if impls and HEADER not in impls:
        raise UsageError(
            f"--header {arguments.header}: --impl {', '.join(impls)} does not include it", hint="add --impl header"
        )
    from lazymmu.header import text

    header = text.read(arguments.header)
    return header, replace(selection, impls=impls or (HEADER,), of_header=text.revisions(header, selection.apis))


def operations(results: ResultStore) -> set[str]:
    """Return the operations of the cases that a guest executed on the text."""
    ran = [results.units[one.number] for one in results if one.impl == HEADER and one.raw_outcome in EXECUTED]
    cases = {(unit.scenario.name, unit.number): unit.case for unit in ran}
    return {step.op for case in cases.values() for step in case.walk()}


def account(header: Text | None, operations: Collection[str]) -> dict[str, Any]:
    """Return what run.json and all reports say of the text after these operations on it; nothing without a text."""
    if header is None:
        return {}
    from lazymmu.header import driven

    return {"text": driven.account(header, operations)}


def build(header: Text | None, prepared: Sequence[Images]) -> builds.Variant:
    """Build the module with the functions of the text, if there is one, for each machine; return the build.

    Raises HeaderError with the compiler's messages.
    """
    if header is None or not prepared:
        return builds.PLAIN
    from lazymmu.header import source

    variant = source.variant(header)

    def one(images: Images, arch: str) -> None:
        try:
            sandbox, kernel = images.sandboxes[arch], images.kernels[arch]
            builds.module(images.cache, sandbox, architectures()[arch], kernel, variant=variant)
        except ToolError as error:
            refused = source.refused(header, error)
            if refused is None:
                raise
            raise refused from error

    for images in prepared:
        images.all_ready()
    # All images are of one cache.
    tools = prepared[0].cache.tools
    tools.in_threads([partial(one, images, arch) for images in prepared for arch in images.kernels])
    return variant
