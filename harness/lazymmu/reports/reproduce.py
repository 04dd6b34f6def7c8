# SPDX-License-Identifier: GPL-2.0-only
"""The command that runs the case of one result alone, as it ran: the same machine, text, transport and isolation.

In a shared guest after --shuffle, the order of the cases before it may matter. There the command selects what the run,
or its shard, selected on that machine, in the same order and in one guest.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lazymmu.architecture import DEFAULT_KERNEL
from lazymmu.results.result import Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.subject.implementations import HEADER, KUNIT
from lazymmu.support.project import IN_CHECKOUT, ROOT

#: Arguments that select, and may have several values.
_SELECTING = ("tag", "exclude", "api", "impl")
#: Arguments that make a list or a part of what others select, so that a machine cannot be left out.
_LISTING = ("shard", "timings", "plan", "failed_from")
#: Arguments that say how a case runs, with their values without the flag.
_HOW = {"transport": "serial", "isolation": "shared", "timeout_scale": 1.0, "repeat": 1, "personality": None}


def line(run: RunSummary, result: Result) -> str:
    """Return the line of a report that has the command."""
    return f"reproduce: {shlex.join(command(run, result))}"


def command(run: RunSummary, result: Result) -> list[str]:
    """Return the words of the command."""
    return command_of(run.facts, run.seed, result)


def command_of(facts: Mapping[str, Any], seed: int | None, result: Result) -> list[str]:
    """Return the words of the command, from run.json and the seed of --shuffle."""
    arguments: Mapping[str, Any] = {**facts.get("arguments", {}), **result.shard}
    needs_order = seed is not None and arguments.get("isolation") == "shared" and result.position > 1
    words = [_program(str(Path.cwd())), "run"]
    machine = {"arch": result.arch, "kernel": None if result.kernel == DEFAULT_KERNEL else result.kernel}
    if not needs_order:
        words += [*_alone(result), *_flags(machine, machine)]
    else:
        words += [*(arguments.get("scenarios") or ()), *_flags(_SELECTING, arguments)]
        is_listed = any(arguments.get(name) for name in _LISTING)
        words += _flags((*machine, *_LISTING), arguments) if is_listed else _flags(machine, machine)
    words += _text(facts, arguments)
    for name, usual in _HOW.items():
        if (value := arguments.get(name, usual)) != usual:
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    words += ["--fresh-boot"] if arguments.get("fresh_boot") else []
    return [*words, "--shuffle", str(seed), "--jobs", "1"] if needs_order else words


@cache
def _program(working_folder: str) -> str:
    """Return the launcher of a checkout as one types it in this folder, or the installed command."""
    if not IN_CHECKOUT:
        return "lazymmu"
    path = os.path.relpath(ROOT / "lazymmu", working_folder)
    return path if "/" in path else f"./{path}"


def _alone(result: Result) -> Iterator[str]:
    """Yield the words that select this case only; for a KUnit suite, all suites of its kernel."""
    if result.impl == KUNIT:
        yield from ("--impl", KUNIT)
        return
    yield from (result.case_name(), "--api", result.api)
    if result.impl != HEADER:
        yield from ("--impl", result.impl)


def _flags(names: Iterable[str], arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the flags of these arguments, and each of their values."""
    for name in names:
        value = arguments.get(name)
        for one in [value] if isinstance(value, str) else value or ():
            yield from (f"--{name.replace('_', '-')}", one)


def _text(facts: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words that name the text under test; a patch from standard input was kept in the results folder."""
    for name in ("header", "patch", "tree"):
        if (value := arguments.get(name)) is not None:
            yield from (f"--{name}", facts.get("patch_kept", value) if value == "-" else value)
