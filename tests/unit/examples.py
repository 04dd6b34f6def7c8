# SPDX-License-Identifier: GPL-2.0-only
"""Small real cases and units that the unit tests share."""

import os
import re
from functools import cache
from pathlib import Path

import lazymmu
from lazymmu.architecture import architectures
from lazymmu.results.result import Unit
from lazymmu.subject.case import Case, Scenario
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import Trace
from lazymmu.support.project import ROOT

NESTED = """\
description: A nested section with a pause and an interrupt.
tags: [example]
steps:
  - enable
  - lazy:
      - pause:
          before_hook: [check: {active: false}]
      - resume
  - interrupt: [enable, flush]
  - check: {active: true, depth: 1}
  - disable
"""


#: Every architecture of the catalogue, in its order.
EVERYWHERE = tuple(architectures())


def guests_with(*personalities: str) -> tuple[str, ...]:
    """Return the architectures whose guests have one of these personalities."""
    return tuple(arch for arch, one in architectures().items() if one.personality in personalities)


def revisions_having(*words: str) -> tuple[str, ...]:
    """Return the revisions that have all of these calls of the API and names of a task's state."""
    has = {name: {*revision.CALLS, *dict(state_fields(revision))} for name, revision in REVISIONS.items()}
    return tuple(name for name, known in has.items() if {*words} <= known)


@cache
def library() -> tuple[Scenario, ...]:
    """Return all scenarios of the library: loading them takes longer than most tests, and is not done to collect."""
    return tuple(lazymmu.load())


def scenario(folder: Path, text: str, name: str = "example") -> Scenario:
    """Return the scenario in this text, loaded from a real file."""
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return lazymmu.load(path, library=folder)[0]


def unit(folder: Path, text: str = NESTED, api: str = "amended", arch: str = "s390x") -> Unit:
    """Return the first case of a scenario as a unit."""
    loaded = scenario(folder, text)
    return Unit(scenario=loaded, number=0, api=api, arch=arch)


def case(folder: Path, text: str = NESTED) -> Case:
    """Return the first case of a scenario."""
    return scenario(folder, text).cases[0]


def predicted(unit: Unit) -> Trace:
    """Return the prediction of a unit that is not a skip."""
    predictions = lazymmu.predict(unit.scenario, api=unit.api, arch=unit.arch, impl=unit.impl)
    (trace,) = (one.trace for one in predictions if one.unit.number == unit.number)
    assert trace is not None
    return trace


def documented() -> list[str]:
    """Return the examples of the page on the Python interface."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.DOTALL)


def without_override() -> list[str]:
    """Return the command that lets root obey permissions as every other user does; nothing is needed for others."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
