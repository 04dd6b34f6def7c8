# SPDX-License-Identifier: GPL-2.0-only
"""All reports of one run on three architectures say the same."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.machines import ARCHES
from tests.unit.reports.test_junit import SCHEMA

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
    # They differ in the time that writing the folder's reports took.
    saved = (out / "summary.txt").read_text().rpartition(" in ")[0]
    assert done.stdout.rpartition(" in ")[0].endswith(saved)

    facts = json.loads((out / "run.json").read_text())
    assert facts["command"][:3] == ["lazymmu", "run", "nesting/two-levels"]
    assert (facts["status"], facts["shuffle"], facts["repeat"]) == (0, 5, 2)
    assert {arch: kernel["name"] for arch, kernel in facts["kernels"].items()} == dict.fromkeys(ARCHES, "lts")
    assert sorted(facts["accelerators"]) == [*ARCHES]
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


def no_nested_flush(checkout: Path) -> None:
    """Remove the flush of a nested disable from the module."""
    path = checkout / "guest/module/api_merged.c"
    text = path.read_text()
    flush = "\telse /* Exiting a nested section */\n\t\tlmm_arch_flush(run);\n"
    assert flush in text
    path.write_text(text.replace(flush, ""))


@pytest.mark.exhaustive
def test_a_mistake_that_the_whole_library_notices_is_shown_once(broken: Callable[..., Lazymmu]) -> None:
    lazymmu = broken(no_nested_flush)
    done = lazymmu("run")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith("pass ")]
    assert len(lines) <= 40, "\n".join(lines)
    assert sum(line.startswith("FAIL ") for line in lines) == 1
    assert any("see merged_disable() in guest/module/api_merged.c:" in line for line in lines)
    (again,) = (line for line in lines if line.strip().startswith("reproduce: "))
    done = lazymmu(*shlex.split(again)[2:])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 pass, 1 fail, 0 error" in done.stdout
    assert again in done.stdout.splitlines()
