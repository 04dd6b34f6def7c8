# SPDX-License-Identifier: GPL-2.0-only
"""On a host where runs work the doctor says so, with what a run uses, and changes nothing."""

import json
from pathlib import Path

import pytest
from lazymmu.architecture import architectures
from lazymmu.provision.keys import default_root

from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES


@pytest.mark.exhaustive
def test_where_runs_work_the_doctor_says_what_they_use(lazymmu: Lazymmu, tmp_path: Path) -> None:
    setup = lazymmu("setup")
    assert setup.returncode == 0, setup.stderr
    for flags in ([], ["--deep"]):
        done = lazymmu("doctor", "--json", str(tmp_path / "doctor.json"), *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "a run can work"
    checks = {check["name"]: check for check in json.loads((tmp_path / "doctor.json").read_text())["checks"]}
    sandbox = checks["sandbox"]["facts"]["sandbox"]
    assert f"run by {sandbox}" in setup.stderr
    for arch in ARCHES:
        kernel, chosen = checks[f"kernel lts {arch}"], checks[f"accelerator {arch}"]
        facts = kernel["facts"]
        assert f"{arch}: lts is Linux {facts['release']} ({facts['version']})" in setup.stderr
        assert checks[f"archive {arch}"]["state"] == checks[f"module {arch}"]["state"] == "ok"
        root = checks[f"tool root {arch}"]
        assert root["found"].startswith(str(default_root()))
        assert int(root["facts"][architectures()[arch].qemu].partition(".")[0]) >= 10
        # The same answer as a run's, under the same key in the cache.
        if "could not be tried" in chosen["facts"]["reason"] or f"{arch}: tcg (/dev/kvm could not" in setup.stderr:
            # The host was too busy for an answer that may be kept.
            continue
        assert f"{arch}: {chosen['facts']['accelerator']} ({chosen['facts']['reason']})" in setup.stderr
        tried = any(text in chosen["facts"]["reason"] for text in ("does not work: ", "a trial run"))
        assert chosen["facts"]["cached"] == tried
