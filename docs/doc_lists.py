# SPDX-License-Identifier: GPL-2.0-only
"""The lists in the documents that come from the code: `python -m docs.doc_lists` rewrites them (PYTHONPATH=harness).

A list is the text between `<!-- list: NAME -->` and `<!-- end of list -->`.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.commands import COMMANDS
from lazymmu.parser import command_parser
from lazymmu.provision import catalogue
from lazymmu.provision.cache_contents import kinds
from lazymmu.pytest_plugin import FLAGS
from lazymmu.scenario import load
from lazymmu.scenario.rules import MISTAKES, NOTES
from lazymmu.subject.case import Scenario
from lazymmu.subject.counters import COMMON_COUNTERS, HOOKS
from lazymmu.subject.implementations import IMPLEMENTATIONS, NATIVE
from lazymmu.subject.limits import MAX_U64
from lazymmu.subject.operations import CALLS, OPERATIONS, Argument, Kind, Operation
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS, revisions_with
from lazymmu.support.project import LIBRARY, ROOT

COLUMNS = 100
_LIST = re.compile(r"(<!-- list: ([^>]+) -->\n).*?(<!-- end of list -->)", re.DOTALL)


def rewritten(text: str, lists: Mapping[str, str]) -> str:
    """Return a document with its lists as they are now. Raises KeyError for a list that does not exist."""
    return _LIST.sub(lambda found: f"{found[1]}\n{lists[found[2]]}\n\n{found[3]}", text)


def pages() -> list[Path]:
    """Return the documents that may hold lists."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def all_lists(library: Iterable[Scenario]) -> dict[str, str]:
    """Return every list by its name; `library` is that of the project."""
    flags = {f"flags of {name}": _flags(command_parser(command)) for name, command in COMMANDS.every().items()}
    return {
        "commands": _commands(),
        **flags,
        "flags of pytest": _table(
            ("argument", "meaning"),
            (
                ("`--lazymmu`", "collect scenario files; the others need this one"),
                *((f"`--lazymmu-{flag} {flag.upper()}`", text) for flag, text in FLAGS.items()),
            ),
        ),
        "operations": _operations(),
        "lint rules": _table(
            ("rule", "", "what it says"),
            (
                (f"`{name}`", severity, says)
                for severity, rules in (("mistake", MISTAKES), ("note", NOTES))
                for name, says in rules.items()
            ),
        ),
        "counters": _counters(),
        "architectures": _architectures(),
        "native scenarios": _native(library),
        "cache": _cache(),
    }


def _commands() -> str:
    return _table(
        ("command", "what it does"),
        ((f"[`{name}`](#{name})", command.HELP) for name, command in COMMANDS.every().items()),
    )


def _flags(command: argparse.ArgumentParser) -> str:
    rows = []
    for action in command._actions:
        name = " ".join(filter(None, (*action.option_strings[-1:], _argument(action))))
        if "--help" not in action.option_strings:
            rows.append((f"`{name}`", (action.help or "") % {**vars(action), "prog": command.prog}))
    return _table(("argument", "meaning"), rows) if rows else "No flags."


def _argument(action: argparse.Action) -> str:
    """Return how an action's value is called, empty for a flag without one."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    return action.dest.upper().replace("_", "-")


def _operations() -> str:
    rows = ((f"`{operation.name}`", _takes(operation), _remarks(operation)) for operation in OPERATIONS.values())
    return _table(("operation", "takes", ""), rows)


def _takes(operation: Operation) -> str:
    return ", ".join(_taken(argument) for argument in operation.args)


def _taken(argument: Argument) -> str:
    name = argument.name.upper()
    if argument.high is None:
        return name + " that is new" * argument.new + " (optional)" * argument.optional
    return f"{name} ({argument.low} to {argument.high if argument.high < MAX_U64 else '2^64 - 1'})"


def _remarks(operation: Operation) -> str:
    having = revisions_with(operation.name)
    remarks = {
        f"{_either(name for name in REVISIONS if name in having)} only": len(having) < len(REVISIONS),
        "may have a *before_hook* list": operation.hookable,
        "has an answer": operation.answers,
        "in no context and no `meanwhile`": operation.kind is Kind.TASK,
        "not natively": operation.name in IMPLEMENTATIONS[NATIVE].missing,
        "a context: must have a list, which runs there": operation.kind is Kind.CONTEXT,
        "must have a list, which the task runs on its CPU": operation.kind is Kind.MEANWHILE,
        f"allowed inside {_either(operation.within)}": bool(operation.within),
    }
    return "; ".join(remark for remark, holds in remarks.items() if holds)


def _counters() -> str:
    return _table(
        ("counters of", "names"),
        (
            ("calls of the API", _codes(CALLS)),
            ("hooks", _codes(HOOKS.values())),
            ("every personality", _codes(COMMON_COUNTERS)),
            *((name, _codes(personality.COUNTERS)) for name, personality in PERSONALITIES.items()),
        ),
    )


def _architectures() -> str:
    return _table(
        ("name", "personality", "by default", "kernels", "kernels with the nested API"),
        (
            (
                f"`{name}`",
                architecture.personality,
                "yes" if architecture.default else "no",
                _codes(kernel for kernel in catalogue.kernels() if kernel in architecture.flavours),
                _codes(architecture.native) or "none",
            )
            for name, architecture in architectures().items()
        ),
    )


def _cache() -> str:
    return _table(
        ("entries", "what they are", "how much stays"),
        (
            (name, kind.what, str(kind.limit) or ("what is in use" if kind.unmentioned else "all"))
            for name, kind in kinds().items()
        ),
    )


def _native(library: Iterable[Scenario]) -> str:
    folders: dict[str, list[str]] = {}
    for scenario in library:
        has_it = any(architectures()[arch].native for arch in scenario.native)
        if has_it and "merged" in scenario.apis:
            folder, _, name = scenario.name.rpartition("/")
            folders.setdefault(folder, []).append(f"`{name}`")
    return "\n".join(
        textwrap.fill(
            f"* {folder}: {', '.join(names)}",
            COLUMNS,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for folder, names in folders.items()
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [[*head], *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |".replace("  |", " |") for line in lines)


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _either(words: Iterable[str]) -> str:
    return " and ".join(f"`{word}`" for word in words)


def main() -> int:
    """Rewrite every document whose lists have changed, and name it."""
    lists = all_lists(load((), LIBRARY))
    for page in pages():
        old = page.read_text()
        new = rewritten(old, lists)
        if new != old:
            page.write_text(new)
            print(page.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
