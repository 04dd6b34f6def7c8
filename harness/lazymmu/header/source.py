# SPDX-License-Identifier: GPL-2.0-only
"""The file of the module that contains a header's functions, and what a compiler says of the user's lines in it.

The file begins with guest/module/header.h and ends with header_api.h. Between them are the user's lines, unchanged.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from lazymmu.architecture import Architecture
from lazymmu.header.functions import definitions
from lazymmu.header.text import MERGED_STATE, WITH_PTES, HeaderError, Text
from lazymmu.provision.builds import Variant
from lazymmu.provision.compiler_messages import UNDEFINED, message, messages
from lazymmu.provision.subprocesses import ToolError
from lazymmu.subject.revisions import revisions_with

#: The file of the module that it replaces.
FILE = "api_header.c"
# The user's path as the compiler sees it. The real one would make a copy elsewhere another build.
_SHOWN = "text-of-header"
_AFTER = "header_api.h"
# In front of the path of a kernel's header that a patch changed, as the compiler sees it.
_PATCHED = "patched/"
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


def natively(common: Variant, headers: Mapping[str, str], architecture: Architecture) -> Variant:
    """Return a build whose native implementation is compiled from other headers of the kernel.

    `headers` are texts by their paths in the kernel's tree; they go in front of the kernel's own.
    """
    sources = {
        f"native/{architecture.kbuild}/{path.rpartition('include/')[2]}": f'#line 1 "{_PATCHED}{path}"\n{text}'.encode()
        for path, text in headers.items()
    }
    # The word gives it a folder of its own: in the usual one kbuild would not notice that there are more headers.
    return replace(common, make=("LMM_PATCHED=y",), sources={**common.sources, **sources})


def refused(text: Text, error: ToolError) -> HeaderError | None:
    """Return the error that a failed build found in the text; None if the text is not why it failed."""
    lines = error.output.splitlines()
    # An error in the lines after the text may be due to something that the text leaves open.
    ours = re.compile(rf"\b{_SHOWN}:\d|(^|/){_AFTER}:|^{FILE}:")
    is_ours = any(": error: " in line for line in lines) and any(ours.search(line) for line in lines)
    found = [*messages({_SHOWN: (text.shown, text.whole)}, lines)] if is_ours else []
    if not found:
        found = [line for name in sorted(set(UNDEFINED.findall(error.output))) for line in _uses(text, name)]
    elif not any(line.startswith(f"    {text.shown}:") for line in found):
        found = [*_unclosed(text), *found]
    hint = "they are compiled with linux/pgtable.h and linux/sched.h, for a task that has only its lazy_mmu_state"
    return _error(f"{text.given}: its functions cannot be compiled:", found, hint) if found else None


def refused_natively(given: str, headers: Mapping[str, str], error: ToolError) -> HeaderError | None:
    """Return the error that a failed build found in these headers of `natively`; None if they are not why it failed."""
    lines = error.output.splitlines()
    if not any(": error: " in line for line in lines) or not re.search(rf"{_PATCHED}|api_native\.c", error.output):
        return None
    found = [*messages({f"{_PATCHED}{path}": (path, text) for path, text in headers.items()}, lines)]
    hint = "other files that the patch changes are not applied; `--impl header` leaves the architecture's header out"
    return _error(f"{given}: the architecture's header cannot be compiled natively:", found, hint)


def _error(first: str, lines: Sequence[str], hint: str) -> HeaderError:
    return HeaderError(message(first, lines), hint=hint)


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
