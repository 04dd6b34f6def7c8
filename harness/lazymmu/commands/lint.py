# SPDX-License-Identifier: GPL-2.0-only
"""The command `lint`: checks scenario files; no guest."""

from __future__ import annotations

import sys
from argparse import Namespace

from lazymmu.reports.terminal import Terminal
from lazymmu.scenario import load
from lazymmu.session import requests


def lint(arguments: Namespace) -> int:
    """Check scenario files."""
    scenarios = load(arguments.scenarios, requests.library())
    cases = sum(len(scenario.cases) for scenario in scenarios)
    Terminal(sys.stdout).line(f"{len(scenarios)} scenarios with {cases} cases are well formed")
    return 0
