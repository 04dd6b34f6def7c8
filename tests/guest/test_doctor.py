# SPDX-License-Identifier: GPL-2.0-only
"""On a host where runs work the doctor says so, with what a run uses, and changes nothing."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lazymmu.provision.cache import default_root

from tests.guest.checkouts import appended
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES


def told(lazymmu: Lazymmu, target: Path, *flags: str) -> dict[str, Any]:
    """Return name -> check; a run could work."""
    done = lazymmu("doctor", "--json", str(target), *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "a run can work"
    return {check["name"]: check for check in json.loads(target.read_text())["checks"]}


def test_where_runs_work_the_doctor_says_what_they_use(lazymmu: Lazymmu, tmp_path: Path) -> None:
    setup = lazymmu("setup")
    assert setup.returncode == 0, setup.stderr
    checks = told(lazymmu, tmp_path / "doctor.json")
    sandbox = checks["sandbox"]["facts"]["sandbox"]
    assert f"run by {sandbox}" in setup.stderr
    for arch in ARCHES:
        kernel, chosen = checks[f"kernel lts {arch}"], checks[f"accelerator {arch}"]
        facts = kernel["facts"]
        assert f"{arch}: lts is Linux {facts['release']} ({facts['version']})" in setup.stderr
        assert checks[f"archive {arch}"]["state"] == checks[f"module {arch}"]["state"] == "ok"
        # The same answer as a run's, under the same key in the cache.
        if "could not be tried" in chosen["facts"]["reason"] or f"{arch}: tcg (/dev/kvm could not" in setup.stderr:
            # The host was too busy for an answer that may be kept.
            continue
        assert f"{arch}: {chosen['facts']['accelerator']} ({chosen['facts']['reason']})" in setup.stderr
        tried = any(text in chosen["facts"]["reason"] for text in ("does not work: ", "a trial run"))
        assert chosen["facts"]["cached"] == tried
    assert int(checks["qemu-system-x86_64"]["facts"]["version"].partition(".")[0]) >= 10
    assert checks["tool root"]["found"].startswith(str(default_root()))


@pytest.mark.exhaustive
def test_what_is_not_built_is_a_note_until_it_is_set_up(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    # No earlier run of this test built that.
    new = f"/* {secrets.token_hex(8)} */\n"
    changed = broken(appended("guest/module/main.c", new), appended("guest/agent/agent.c", new))
    for _ in range(2):
        checks = told(changed, tmp_path / "doctor.json", "--offline")
        for arch in ARCHES:
            for kind in ("module", "archive"):
                assert checks[f"{kind} {arch}"]["state"] == "note"
                assert checks[f"{kind} {arch}"]["next"] == "lazymmu setup"
            assert checks[f"accelerator {arch}"]["facts"]["accelerator"] in ("tcg", "kvm", "unknown")
    assert changed("setup", "--offline").returncode == 0
    checks = told(changed, tmp_path / "doctor.json", "--offline")
    assert {checks[f"{kind} {arch}"]["state"] for kind in ("module", "archive") for arch in ARCHES} == {"ok"}
