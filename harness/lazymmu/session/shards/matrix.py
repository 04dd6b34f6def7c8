# SPDX-License-Identifier: GPL-2.0-only
"""`list --matrix`: the jobs of a CI system for a selection, one for each shard of each machine."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from lazymmu.provision import catalogue
from lazymmu.results.result import Unit
from lazymmu.support.errors import UsageError

#: One job: architecture, kernel, and shard of that machine.
Job = Mapping[str, str]


def jobs(units: Sequence[Unit], shards: int) -> Iterator[Job]:
    """Yield a job for each shard of each machine that has units, if its kernel may exist for its architecture.

    A machine has at most as many shards as units.
    """
    counts: dict[tuple[str, str], int] = {}
    for unit in units:
        counts[unit.arch, unit.kernel] = counts.get((unit.arch, unit.kernel), 0) + 1
    for (arch, name), count in counts.items():
        kernel = catalogue.kernel(name)
        if arch in kernel.flavours or arch in kernel.own:
            parts = min(shards, count)
            yield from ({"arch": arch, "kernel": name, "shard": f"{index}/{parts}"} for index in range(1, parts + 1))


class _Jobs(Struct):
    include: tuple[dict[str, str], ...]


def read(name: str) -> Sequence[Job]:
    """Return the jobs in a file that has what `list --matrix github` prints. Raises UsageError."""
    try:
        jobs = msgspec.json.decode(Path(name).read_bytes(), type=_Jobs).include
    except OSError as error:
        raise UsageError(f"--matrix `{name}` cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        jobs, reason = (), str(error)
    else:
        reason = (
            "" if all({"arch", "kernel", "shard"} <= {*job} for job in jobs) else "a job lacks arch, kernel or shard"
        )
    if reason:
        raise UsageError(f"--matrix `{name}` is not what `lazymmu list --matrix github` prints: {reason}")
    return jobs


def _github(found: Sequence[Job], words: Sequence[str]) -> str:
    """Return the value of `strategy.matrix`, on one line for an output of a step.

    The words that select have no --arch and --kernel, because those of a job would add to them.
    """
    return json.dumps({"include": [{**job, "selection": " ".join(words)} for job in found]})


def _gitlab(found: Sequence[Job], words: Sequence[str]) -> str:
    """Return a child pipeline, whose last job joins the results of the others. JSON is YAML."""
    folders = [f"results-{index}" for index in range(1, len(found) + 1)]

    def job(one: Job, folder: str) -> dict[str, Any]:
        flags = [word for key, value in one.items() for word in (f"--{key}", value)]
        command = ["./lazymmu", "run", *words, *flags, "--junit", "junit.xml", "--out", folder]
        artifacts = {"when": "always", "paths": [folder], "reports": {"junit": "junit.xml"}}
        return {"script": [shlex.join(command)], "artifacts": artifacts}

    # It gets the artifacts of all jobs of earlier stages. A folder that is missing is an error by name.
    command = ["./lazymmu", "merge", "results", *folders, "--html", "results.html", "--codequality", "codequality.json"]
    merge = {
        "stage": "deploy",
        "when": "always",
        "script": [shlex.join(command)],
        "artifacts": {
            "when": "always",
            "paths": ["results", "results.html"],
            "reports": {"codequality": "codequality.json"},
        },
    }
    runs = {" ".join(one.values()): job(one, folder) for one, folder in zip(found, folders, strict=True)}
    return json.dumps({**runs, "merge": merge}, indent=1)


#: CI system -> the text for these jobs, whose runs have these words, too.
FORMS: Mapping[str, Callable[[Sequence[Job], Sequence[str]], str]] = {"github": _github, "gitlab": _gitlab}
