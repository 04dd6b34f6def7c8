# SPDX-License-Identifier: GPL-2.0-only
"""All reports of one run on three architectures, and the reports of interrupted runs and on a full disk."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import xmlschema

from tests import disks
from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.unit.reports.test_junit import SCHEMA

ARCHES = ["arm64", "s390x", "x86_64"]
#: A nested disable that forgets to flush.
SLIP = at_start_of("lmm_arch_flush", "return;")
KNOWN = """\
- {scenario: nesting/two-levels, api: merged, reason: no nested flush, expires: 2999-12-31}
- {scenario: wrap/*, reason: not selected, expires: 2999-12-31}
"""


def test_all_reports_of_one_run_say_the_same(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    lazymmu = broken(SLIP)
    (tmp_path / "known.yaml").write_text(KNOWN)
    out = tmp_path / "results"
    files = {flag: tmp_path / f"report{flag}" for flag in ("--json", "--junit", "--ktap", "--html")}
    flags = [word for flag, file in files.items() for word in (flag, str(file))]
    done = lazymmu(
        *("run", "nesting/two-levels", "nesting/single", "--api", "merged", "--repeat", "2", "--shuffle", "5"),
        *("--out", str(out), "--known", str(tmp_path / "known.yaml"), *flags),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 pass, 0 fail, 0 error, 0 skip, 6 known in " in done.stdout
    assert f"results: {out}" in done.stdout
    assert "known.yaml:2:3: wrap/*: matches nothing that was selected" in done.stdout

    document = json.loads((out / "results.json").read_text())
    assert document["summary"] == {"pass": 6, "fail": 6, "error": 0, "skip": 0}
    assert [entry["state"] for entry in document["known"]] == ["holds", "unused"]
    for result in document["results"]:
        assert result.get("known", "") == ("no nested flush" if result["outcome"] == "fail" else "")
    # Reports have the fixed order; the positions have the order in which units ran.
    keys = [(result["scenario"], result["arch"], result["repetition"]) for result in document["results"]]
    assert keys == [
        (f"nesting/{name}", arch, number) for name in ("single", "two-levels") for arch in ARCHES for number in (1, 2)
    ]
    assert document["shuffle"] == 5
    for arch in ARCHES:
        positions = [result["position"] for result in document["results"] if result["arch"] == arch]
        assert sorted(positions) == [1, 2, 3, 4]
    assert any(result["position"] != number % 4 + 1 for number, result in enumerate(document["results"]))

    xml = files["--junit"].read_text()
    xmlschema.XMLSchema(SCHEMA).validate(xml)
    assert [(suite.get("name"), suite.get("tests"), suite.get("skipped")) for suite in ElementTree.fromstring(xml)] == [  # noqa: S314  (our own)
        *((arch, "4", "2") for arch in ARCHES),
        ("known", "2", "1"),
    ]
    ktap = (out / "results.ktap").read_text()
    assert len(re.findall("^    ok ", ktap, re.MULTILINE)) == 12
    assert ktap.count(" # XFAIL known: no nested flush\n") == 6
    assert '>6 known</span>, <span class="pass">6 pass</span>' in files["--html"].read_text()
    for flag, name in (("--json", "results.json"), ("--ktap", "results.ktap")):
        assert files[flag].read_text() == (out / name).read_text()
    assert (out / "summary.txt").read_text() == done.stdout

    facts = json.loads((out / "run.json").read_text())
    assert facts["command"][:3] == ["lazymmu", "run", "nesting/two-levels"]
    assert (facts["status"], facts["shuffle"], facts["repeat"]) == (0, 5, 2)
    assert {arch: kernel["name"] for arch, kernel in facts["kernels"].items()} == dict.fromkeys(ARCHES, "lts")
    assert sorted(facts["accelerators"]) == ARCHES
    assert facts["qemu"]
    assert facts["finished"] > facts["started"]
    for arch in ARCHES:
        (command,) = (out / "guests").glob(f"{arch}-1.qemu.txt")
        assert re.search(r"qemu-system-\w+ .* -smp 2 ", command.read_text())
        for name in ("console", "channel"):
            assert re.match(r"\d\d:\d\d:\d\d\.\d{6} [<>] ", (out / "guests" / f"{arch}-1.{name}.log").read_text())
    copies = sorted(str(path.relative_to(out)) for path in (out / "scenarios").rglob("*.yaml"))
    assert copies == ["scenarios/nesting/single.yaml", "scenarios/nesting/two-levels.yaml"]
    assert lazymmu("compare", str(out), str(files["--json"])).returncode == 0


#: Runs the command line, and sends itself both signals twice when it starts its second thread.
SIGNALLED = """
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
from lazymmu import cli
original, left = ThreadPoolExecutor.submit, 2
def interrupted(*arguments, **named):
    global left
    left -= 1
    if left == 0:
        for number in (signal.SIGINT, signal.SIGTERM) * 2:
            os.kill(os.getpid(), number)
    return original(*arguments, **named)
ThreadPoolExecutor.submit = interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(cli.main(sys.argv[1:]))
"""


def test_an_interrupt_before_the_guests_costs_no_report(lazymmu: Lazymmu, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text("[]\n")
    files = {flag: str(tmp_path / f"report{flag}") for flag in ("--json", "--junit", "--ktap", "--out")}
    words = [word for pair in files.items() for word in pair]
    given = ["run", "nesting/single", "--known", str(tmp_path / "known.yaml"), *words]
    done = subprocess.run(
        [sys.executable, "-P", "-c", SIGNALLED, *given],
        env=lazymmu.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130, done.stdout + done.stderr
    out = Path(files["--out"])
    document = json.loads((out / "results.json").read_text())
    assert document["interrupted"] is True
    assert len(document["results"]) < document["selected"]
    assert f"interrupted: {len(document['results'])} of {document['selected']} were done" in done.stdout
    assert json.loads((out / "run.json").read_text())["status"] == 130
    for flag, name in (("--json", "results.json"), ("--ktap", "results.ktap")):
        assert Path(files[flag]).read_text() == (out / name).read_text()


def test_a_full_state_folder_costs_no_other_report(lazymmu: Lazymmu, tmp_path: Path) -> None:
    state, path = tmp_path / "small", tmp_path / "run.json"
    state.mkdir()
    one = lazymmu.command("run", "nesting/single", "--arch", "arm64", "--api", "merged", "--json", str(path))
    done = subprocess.run(
        [*disks.small(state, "24k"), *one],
        env=lazymmu.environment({"XDG_STATE_HOME": str(state)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"no space left in {state}/lazymmu/runs/" in done.stderr
    assert done.stderr.count("lazymmu: ") == 1
    assert "let --out DIR name another folder" in done.stderr
    assert "1 pass, 0 fail, 0 error, 0 skip in " in done.stdout
    assert json.loads(path.read_text())["summary"]["pass"] == 1
