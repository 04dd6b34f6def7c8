# SPDX-License-Identifier: GPL-2.0-only
"""The file of the module that contains a header's functions, and what a compiler says of the user's lines in it.

The file begins with guest/module/header.h and ends with header_api.h. Between them are the user's lines, unchanged.
"""

import re
from collections.abc import Iterator

from lazymmu.header.functions import definitions
from lazymmu.header.text import MERGED_STATE, WITH_PTES, HeaderError, Text
from lazymmu.provision.builds import Variant
from lazymmu.provision.subprocesses import ToolError
from lazymmu.subject.revisions import revisions_with

#: The file of the module that it replaces.
FILE = "api_header.c"
# The user's path as the compiler sees it. The real one would make a copy elsewhere another build.
_SHOWN = "text-of-header"
_AFTER = "header_api.h"
#: The module's functions in place of those that the text lacks. The drafts have the second.
DEFAULTS = {
    "is_lazy_mmu_mode_active": "lmm_header_active",
    "in_lazy_mmu_mode": "lmm_header_active",
    "__task_lazy_mmu_mode_active": "lmm_header_task_active",
    "__task_lazy_mmu_mode_pause": "lmm_header_pause",
    "__task_lazy_mmu_mode_resume": "lmm_header_resume",
}
# The fields of a state -> the tag of its structure in the module.
_STRUCTURES = {
    MERGED_STATE: "lmm_merged_state",
    ("count", "enabled"): "lmm_flag_state",
    ("nesting_level", "active"): "lmm_v4_state",
}
_MESSAGE = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)? (?P<what>.*)$")
_UNDEFINED = re.compile(r'^ERROR: modpost: "(\w+)" .* undefined!$', re.MULTILINE)
# The most lines of the compiler that are shown.
_MAX = 20


def variant(text: Text) -> Variant:
    """Return the build of the module with the functions of this text."""
    macros = {name: f"lmm_text_{name}" for name in sorted(text.functions) if not name.startswith("arch_")}
    macros |= {name: ours for name, ours in DEFAULTS.items() if name not in text.functions}
    if text.with_ptes:
        macros[WITH_PTES] = f"lmm_text_{text.with_ptes}"
    with_ranges = revisions_with("enable_with_ptes")
    entries = [f'REVISION{"_WITH_PTES" if name in with_ranges else ""}("{name}")' for name in text.possible]
    has_ranges = text.with_ptes and with_ranges & set(text.possible)
    source = [
        "// SPDX-License-Identifier: GPL-2.0-only",
        "/* run --header made this file of a header's text. */",
        f"#define LMM_HEADER_STATE {_STRUCTURES[text.state]}",
        f"#define LMM_HEADER_FIRST {text.state[0]}",
        f"#define LMM_HEADER_SECOND {text.state[1]}",
        *(["#define LMM_HEADER_TASKS"] if text.state == MERGED_STATE else []),
        *(["#define LMM_HEADER_WITH_PTES"] if has_ranges else []),
        f"#define LMM_HEADER_REVISIONS {' '.join(entries)}",
        '#include "header.h"',
        # The guest's kernel may have functions of these names.
        *(line for name, ours in macros.items() for line in (f"#undef {name}", f"#define {name} {ours}")),
        *(line for region in text.regions for line in (f'#line {region.first} "{_SHOWN}"', *region.lines)),
        f'#line 1 "{FILE}"',
        f'#include "{_AFTER}"',
        "",
    ]
    return Variant(sources={FILE: "\n".join(source).encode()})


def refused(text: Text, error: ToolError) -> HeaderError | None:
    """Return the error that a failed build found in the text; None if the text is not why it failed."""
    messages = list(_messages(text, error.output.splitlines()))
    if not messages:
        messages = [line for name in sorted(set(_UNDEFINED.findall(error.output))) for line in _uses(text, name)]
    elif not any(line.startswith(f"    {text.shown}:") for line in messages):
        messages = [*_unclosed(text), *messages]
    if not messages:
        return None
    more = [f"    ({len(messages) - _MAX} more lines)"] if len(messages) > _MAX else []
    return HeaderError(
        "\n".join([f"{text.given}: its functions cannot be compiled:", *messages[:_MAX], *more]),
        hint="they are compiled with linux/pgtable.h and linux/sched.h, for a task that has only its lazy_mmu_state",
    )


def _messages(text: Text, lines: list[str]) -> Iterator[str]:
    """Yield the compiler's messages if they are about the text, each with the user's line and a mark at the column."""
    # An error in the lines after the text may be due to something that the text leaves open.
    ours = re.compile(rf"\b{_SHOWN}:\d|(^|/){_AFTER}:|^{FILE}:")
    if not any(": error: " in line for line in lines) or not any(ours.search(line) for line in lines):
        return
    whole = text.whole.split("\n")
    for line in lines:
        match = _MESSAGE.match(line)
        if match and match["file"] == _SHOWN:
            number, column = int(match["line"]), match["column"]
            yield f"    {text.shown}:{number}:{f'{column}:' if column else ''} {match['what']}"
            if column and 0 < number <= len(whole):
                before = whole[number - 1].encode()[: int(column) - 1].decode(errors="replace")
                yield f"      {whole[number - 1]}"
                yield "      " + re.sub(r"[^\t]", " ", before) + "^"
        elif match and ": error: " in line:
            yield f"    {line.rpartition('/')[2]}"


def _unclosed(text: Text) -> Iterator[str]:
    """Yield which function has no end, so that it includes the lines after the text."""
    for region in text.regions:
        unclosed = definitions(region.bare, region.first).unclosed
        if unclosed is not None:
            yield f"    {text.shown}:{unclosed[1]}: error: {unclosed[0]}() begins here, and its end is missing"


def _uses(text: Text, name: str) -> Iterator[str]:
    """Yield where the text uses a name that the kernel does not export to modules."""
    for region in text.regions:
        for number, line in enumerate(region.bare, start=region.first):
            if re.search(rf"\b{name}\b", line):
                yield f"    {text.shown}:{number}: error: `{name}` is not available to modules"
