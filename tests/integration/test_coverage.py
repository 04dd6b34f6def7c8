# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu coverage`: the library reaches every rule, and a rule that scenarios do not reach is named."""

import json
import subprocess
import sys
from pathlib import Path

from lazymmu.support.project import ROOT


def coverage(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "lazymmu", "coverage", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def test_the_library_reaches_every_rule() -> None:
    done = coverage()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "every rule is reached by " in done.stdout


def test_rules_that_a_scenario_does_not_reach_are_named(tmp_path: Path) -> None:
    scenario = tmp_path / "one.yaml"
    scenario.write_text("description: x\npersonality: xen\nsteps:\n- enable\n- interrupt: [enable]\n")
    done = coverage(str(scenario), "--json", str(tmp_path / "out.json"))
    assert done.returncode == 1, done.stderr
    rows = {tuple(row.values()) for row in json.loads((tmp_path / "out.json").read_text())["missed"]}
    # A condition with the outcome that did not come, and an operation at a place where it did not run.
    assert ("revisions/merged.py: enable", "`state.pause_count > 0` holds", "merged") in rows
    assert ("revisions/merged.py: enable", "`state.pause_count > 0` does not hold", "merged") not in rows
    assert ("personalities/xen.py: Xen.write", "`active` holds", "xen") in rows
    assert ("enable", "in softirq", "xen") in rows
    assert ("enable", "in interrupt", "xen") not in rows
    assert ("switch", "in interrupt", "xen") not in rows  # it is not allowed there
    assert "never reached: enable: in softirq (arm64, ppc64, radix, s390x, x86_64, xen)" in done.stdout
