# SPDX-License-Identifier: GPL-2.0-only
"""A report for KCIDB, the database of kernel CI results, in its schema 5.3 (the Python package kcidb-io).

Each kernel release is a checkout, each machine a build of it, each result a test. KCIDB_ORIGIN names the CI system that
submits it.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, TextIO

import msgspec

from lazymmu.provision.keys import digest
from lazymmu.reports.plain import in_group, visible
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary, of_text

NAME = "kcidb"
FLAG = "--kcidb"
HELP = "write results for KCIDB (schema 5.3); - is standard output"

_VERSION = {"major": 5, "minor": 3}
_STATUS = {Outcome.PASS: "PASS", Outcome.FAIL: "FAIL", Outcome.ERROR: "ERROR", Outcome.SKIP: "SKIP"}
# Characters, by the schema.
_LONGEST_EXCERPT = 16_384


def write(run: RunSummary, file: TextIO) -> None:
    """Write the report."""
    report = _Report(run)
    before = json.dumps({"version": _VERSION, **report.before_tests()}, indent=1).removesuffix("\n}")
    file.write(f'{before},\n "tests": [')
    separator = "\n  "
    for test in report.tests():
        file.write(separator + msgspec.json.format(json.dumps(test), indent=1).replace("\n", "\n  "))
        separator = ",\n  "
    file.write("]\n}\n" if separator == "\n  " else "\n ]\n}\n")


class _Report:
    """The objects of a run. The ids of checkouts and builds are those of every run on the same kernels."""

    def __init__(self, run: RunSummary) -> None:
        self._run = run
        self._origin = re.sub(r"[^a-z0-9_]", "_", (os.environ.get("KCIDB_ORIGIN") or "lazymmu").lower())
        self._tested = dict(of_text(run.facts)).get("tested", "")
        self._id = digest([run.started.isoformat(), *map(str, run.facts.get("command", ()))])

        #: Machine -> the release of the first kernel that answered there.
        self._releases = {machine: self._release(machine) for machine in self._machines()}

    def before_tests(self) -> dict[str, list[dict[str, Any]]]:
        """Return the other objects by their kinds."""
        checkouts = {release: self._checkout(release) for release in self._releases.values()}
        arches = {cell.machine: cell.arch for cell in self._run.results.cells}
        builds = [self._build(machine, arches[machine], release) for machine, release in self._releases.items()]
        return {"checkouts": [*checkouts.values()], "builds": builds}

    def _machines(self) -> dict[str, None]:
        """Return the machines that have results, in the order of these."""
        return dict.fromkeys(row.cell.machine for row in self._run.results.rows() if row.outcome)

    def _release(self, machine: str) -> str:
        results = self._run.results
        cells = {cell for cell in results.cells if cell.machine == machine}
        releases = (results[row.number].release for row in results.rows(cells) if row.outcome)
        return next(filter(None, releases), "")

    def _object(self, *parts: str) -> dict[str, Any]:
        return {"id": f"{self._origin}:{digest([*parts, self._tested])}", "origin": self._origin}

    def _checkout(self, release: str) -> dict[str, Any]:
        under_test = f", {self._tested}" if self._tested else ""
        comment = f"Linux {release or '(no guest answered)'}{under_test}"
        # One name may have several values.
        facts = [f"{name}: {value}" for name, value in of_text(self._run.facts)]
        misc = {"misc": {"tested": [visible(fact) for fact in facts]}} if facts else {}
        return {**self._object("checkout", release), "comment": visible(comment), "valid": True, **misc}

    def _build(self, machine: str, arch: str, release: str) -> dict[str, Any]:
        kernel = self._run.facts.get("kernels", {}).get(machine, {})
        return {
            **self._object("build", machine, release),
            "checkout_id": self._object("checkout", release)["id"],
            "architecture": re.sub(r"[^a-z0-9_]", "_", arch),
            "comment": visible(f"{machine}: {kernel.get('version') or release}"),
            "status": "PASS",
        }

    def _of_machine(self, machine: str) -> tuple[str, dict[str, str]]:
        """Return what all tests of a machine have: the id of the build, and the environment."""
        name, reason = self._run.accelerators.get(machine, ("none", "no guest was started"))
        build = self._object("build", machine, self._releases[machine])["id"]
        return build, {"comment": visible(f"QEMU, {name} ({reason})")}

    def tests(self) -> Iterator[dict[str, Any]]:
        """Yield the objects of tests."""
        path, of_machine, start = cache(_path), cache(self._of_machine), self._run.started.isoformat()
        for result in self._run.results:
            # A guest that never answered tested nothing.
            was_missed = result.raw_outcome is Outcome.ERROR and not result.release
            build, environment = of_machine(result.machine)
            test = {
                "id": f"{self._origin}:{self._id}-{result.number}",
                "origin": self._origin,
                "build_id": build,
                "path": path(result.scenario_name),
                "comment": visible(result.label()),
                "status": "MISS" if was_missed else _STATUS[result.raw_outcome],
                "start_time": start,
                "duration": result.seconds,
                "environment": environment,
                "misc": _details(result),
            }
            if result.outcome is not Outcome.PASS:
                text = "\n".join(in_group(self._run, result))
                test["log_excerpt"] = visible(text)[:_LONGEST_EXCERPT]
            yield test


def _path(scenario: str) -> str:
    parts = [re.sub(r"[^\w-]", "_", part, flags=re.ASCII) for part in scenario.split("/") if part]
    return ".".join(["lazymmu", *parts])


def _details(result: Result) -> dict[str, Any]:
    details = {"revision": result.api, "implementation": result.impl, "case": dict(result.values)}
    return {**details, **({"known": result.known} if result.known else {}), **({"flaky": True} if result.flaky else {})}
