# SPDX-License-Identifier: GPL-2.0-only
"""The file of the module that a header's text becomes, and what a compiler that refuses it says of the user's lines.

guest/module/header.h and header_api.h are its two ends. The text is in it line by line and nowhere else in the
project; a build of it lies in the user's cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lazymmu.header.functions import names
from lazymmu.header.text import OF_STATE, OF_TASKS, WITH_PTES, HeaderError, Text
from lazymmu.provision.builds import Variant
from lazymmu.provision.subprocesses import ToolError

#: The file of the module whose place it takes.
FILE = "api_header.c"
# Stands for the user's path: that is no part of what is compiled, or a copy elsewhere would be built anew.
_SHOWN = "text-of-header"
_AFTER = "header_api.h"
# What the module has for those that the text lacks.
_OWN = dict(
    zip(
        (*OF_STATE, *OF_TASKS),
        ("lmm_header_active", "lmm_header_task_active", "lmm_header_pause", "lmm_header_resume"),
        strict=True,
    )
)
_MESSAGE = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)? (?P<what>.*)$")
_PLACE = re.compile(rf"\b{_SHOWN}:(\d+)")
_UNDEFINED = re.compile(r'^ERROR: modpost: "(\w+)" .* undefined!$', re.MULTILINE)
# Lines of the compiler: who made one mistake may read all of this, who made many begins with the first.
_MOST = 20


def variant(text: Text) -> Variant:
    """Return the build of the module with the functions of this text."""
    return Variant(sources={FILE: _source(text).encode()})


def _source(text: Text) -> str:
    renamed = {name: f"lmm_text_{name}" for name in sorted(text.functions) if not name.startswith("arch_")}
    missing = {name: own for name, own in _OWN.items() if name not in text.functions}
    head = [
        "// SPDX-License-Identifier: GPL-2.0-only",
        "/* Made of a header's text by run --header. */",
        '#include "header.h"',
        # A kernel may have functions of these names.
        *(line for name, own in {**renamed, **missing}.items() for line in (f"#undef {name}", f"#define {name} {own}")),
    ]
    if WITH_PTES in text.functions:
        head.append("#define LMM_HEADER_WITH_PTES")
    body = [line for region in text.regions for line in (f'#line {region.first} "{_SHOWN}"', *region.lines)]
    return "\n".join([*head, *body, f'#line 1 "{FILE}"', f'#include "{_AFTER}"', ""])


def refused(text: Text, error: ToolError) -> HeaderError | None:
    """Return what a failed build says of the text; None when the text is not why it failed."""
    said = list(_said(text, error.output.splitlines()))
    if not said:
        said = [line for name in sorted(set(_UNDEFINED.findall(error.output))) for line in _uses(text, name)]
    elif not any(line.startswith(f"    {text.shown}:") for line in said):
        said = [*_unclosed(text), *said]
    if not said:
        return None
    more = [f"    ({len(said) - _MOST} more lines)"] if len(said) > _MOST else []
    return HeaderError(
        "\n".join([f"--header {text.shown}: its functions cannot be compiled:", *said[:_MOST], *more]),
        hint="they are compiled with what linux/pgtable.h and linux/sched.h declare, and with a task that has "
        "nothing but its lazy_mmu_state",
    )


def _said(text: Text, lines: list[str]) -> Iterator[str]:
    """Yield the compiler's messages that are about the text, with the line and a mark under the column."""
    if not any(": error: " in line for line in lines):
        return
    about_text = any(_PLACE.search(line) for line in lines)
    # The text may leave something open, which is noticed in the lines behind it.
    behind = any(line.startswith((f"{_AFTER}:", f"{FILE}:")) or f"/{_AFTER}:" in line for line in lines)
    if not about_text and not behind:
        return
    whole = text.whole.split("\n")
    for line in lines:
        match = _MESSAGE.match(line)
        if match is None:
            continue
        if match["file"] != _SHOWN:
            if ": error: " in line:
                yield f"    {line.rpartition('/')[2]}"
            continue
        number, column = int(match["line"]), match["column"]
        place = f"{text.shown}:{number}:{column}" if column else f"{text.shown}:{number}"
        yield f"    {place}: {match['what']}"
        if column and 0 < number <= len(whole):
            shown = whole[number - 1]
            yield f"      {shown}"
            yield "      " + re.sub(r"[^\t]", " ", shown.encode()[: int(column) - 1].decode(errors="replace")) + "^"


def _unclosed(text: Text) -> Iterator[str]:
    """Yield which function it is that goes on into the lines behind the text."""
    for region in text.regions:
        open_one = names(region.bare, region.first).unclosed
        if open_one is not None:
            yield f"    {text.shown}:{open_one[1]}: error: {open_one[0]}() begins here, and its end is missing"


def _uses(text: Text, name: str) -> Iterator[str]:
    """Yield where the text uses a name that the kernel does not give to modules."""
    for region in text.regions:
        for number, line in enumerate(region.bare, start=region.first):
            if re.search(rf"\b{name}\b", line):
                yield f"    {text.shown}:{number}: error: `{name}` is not there for modules"
