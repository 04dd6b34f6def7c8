# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a text a run called, and which of those that look like the API's it did not."""

from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from lazymmu.header.functions import definitions
from lazymmu.header.lines import bare
from lazymmu.header.text import ACTIVE, API, MERGED_STATE, OF_TASKS, WITH_PTES, Text

# What a native run calls of an architecture's header (guest/module/native).
_CALLED_NATIVELY = ("arch_enter_lazy_mmu_mode", "arch_leave_lazy_mmu_mode", "arch_flush_lazy_mmu_mode", "__set_pte")
# A function with this in its name may belong to the API.
_LOOKS_LIKE_IT = "lazy_mmu"
_OF_ARCHITECTURE = "arch_"
# In the drafts, the function of sched.h that says whether the mode is active.
_ACTIVE_OF_DRAFTS = "in_lazy_mmu_mode"


def account(text: Text, operations: Collection[str]) -> dict[str, Any]:
    """Return what reports say of a text whose run's scenarios have these operations (docs/command-line.md)."""
    defined = definitions(bare(text.whole).split("\n"))
    reached: set[str] = set()
    called = {name for name in text.functions if operations and _operation(text, name) in ("", *operations)}
    while called:
        reached |= called
        called = {word for name in called for word in defined.words.get(name, ())} & text.functions - reached
    expected = (*ACTIVE, *OF_TASKS) if text.state == MERGED_STATE else (_ACTIVE_OF_DRAFTS,)
    renamed = text.with_ptes not in (None, WITH_PTES)
    return {
        "given": text.given,
        "revision": text.revision,
        "file": text.shown,
        "functions": [
            {"operation": operation, "function": name, "line": {**defined.macros, **defined.functions}[name]}
            for name in _in_order(text)
            if (operation := _operation(text, name))
        ],
        "driven": [name for name in _in_order(text) if name in reached and not name.startswith(_OF_ARCHITECTURE)],
        "not_driven": [*_not_driven(text, {**defined.macros, **defined.functions}, reached)],
        "module_functions": [name for name in expected if name not in text.functions],
        "notes": [f"{text.with_ptes}() is driven as {WITH_PTES}(), its later name"] if renamed else [],
    }


def natively(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the functions and macros of an architecture's header that changed: those driven, and the others."""
    lines, old = bare(after).split("\n"), bare(before).split("\n")
    defined = definitions(lines)
    changes = [one for one in SequenceMatcher(None, old, lines, autojunk=False).get_opcodes() if one[0] != "equal"]
    changed = [
        name
        for name, first in {**defined.macros, **defined.functions}.items()
        if any(begin < _end(lines, first) and first <= max(end, begin) for *_, begin, end in changes)
    ]
    reached: set[str] = set()
    called = {*_CALLED_NATIVELY}
    while called:
        reached |= called
        called = {word for name in called for word in defined.words.get(name, ())} - reached
    return [name for name in changed if name in reached], [name for name in changed if name not in reached]


def _end(lines: Sequence[str], first: int) -> int:
    """Return the number of the last line of the function or macro that begins at a line."""
    is_macro = lines[first - 1].lstrip().startswith("#")
    for number, line in enumerate(lines[first - 1 :], first):
        if not line.endswith("\\") if is_macro else "}" in line and not line[0].isspace():
            return number
    return len(lines)


def _in_order(text: Text) -> list[str]:
    """Return the functions, those of the API first."""
    return [*(name for name in API if name in text.functions), *sorted(text.functions - {*API})]


def _operation(text: Text, function: str) -> str | None:
    """Return the operation that calls a function, empty if every step does; None if nothing does."""
    if function in ACTIVE:
        return ""
    if function in OF_TASKS:
        return f"{function.removeprefix('__task_lazy_mmu_mode_')}_task"
    known = WITH_PTES if function == text.with_ptes else function
    return known.removeprefix("lazy_mmu_mode_") if known in API else None


def _not_driven(text: Text, defined: dict[str, int], reached: set[str]) -> Iterator[dict[str, Any]]:
    for name, line in sorted(defined.items(), key=lambda one: one[1]):
        if _LOOKS_LIKE_IT in name and name not in reached and not name.startswith(_OF_ARCHITECTURE):
            has_operation = name in text.functions and _operation(text, name) is not None
            reason = "no scenario of this run calls it" if has_operation else "no operation calls it"
            yield {"function": name, "line": line, "reason": reason}
