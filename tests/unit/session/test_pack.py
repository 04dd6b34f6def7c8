# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu pack`: the file has all of a results folder, and no name of a user, a home folder or the host."""

import json
import tarfile
from pathlib import Path

import pytest
import zstandard
from lazymmu.cli import main


def unpacked(file: Path) -> dict[str, bytes]:
    found = {}
    with (
        file.open("rb") as raw,
        zstandard.ZstdDecompressor().stream_reader(raw) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            assert (member.uid, member.uname, member.mtime) == (0, "", 0)
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


@pytest.mark.parametrize("name", ["zalice", "zdélie", "z.b-c"])
def test_no_file_and_no_name_tells_who_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = tmp_path / name
    work, out = home / "work", home / "out"
    (out / "guests").mkdir(parents=True)
    scenario = f"scenarios/_root{home}/x/a.yaml"
    (out / scenario).parent.mkdir(parents=True)
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.chdir(work)
    facts = {
        "schema": 1,
        "program": "lazymmu",
        "working_folder": str(work),
        "command": ["lazymmu", "run", f"--out={out}", "--header", "/srv/secret/my.h", f"../../{name}/b.yaml"],
        "scenarios": {f"{home}/x/a": scenario},
        "host": {"name": "zhost", "system": "Linux zhost 6"},
    }
    (out / "run.json").write_text(json.dumps(facts))
    everywhere = (
        f"{home} {home}/cache/roots {name} ({name}@zhost) --x={out}/y, in {home}."
        f" /home/zbob/q /srv/secret/my.h:3 {name}.log\n"
    )
    for file in (scenario, "summary.txt", "results.jsonl", "results.ktap", "patch", f"guests/{name}.log"):
        (out / file).write_text(everywhere)
    (out / "guests" / "raw.log").write_bytes(b"\xff\0" + everywhere.encode())
    (out / "results.json").write_text(json.dumps({"x": [everywhere, {str(home): name}]}))
    (out / "notes").write_text("the user's own")
    assert main(["pack", str(out), "bug.tar.zst"]) == 0
    found = unpacked(work / "bug.tar.zst")
    assert len(found) == 9
    whole = b"\n".join([*found.values(), *(member.encode() for member in found)])
    for secret in (name, json.dumps(name)[1:-1], "zhost", "zbob", "secret", str(tmp_path)):
        assert secret.encode() not in whole, secret
    packed = json.loads(found["lazymmu-run/run.json"])
    assert packed["command"][:3] == ["lazymmu", "run", "--out=/RESULTS"]
    # run.json still names the copies of scenarios.
    assert {f"lazymmu-run/{copy}" for copy in packed["scenarios"].values()} <= {*found}


def test_a_folder_of_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(tmp_path)]) == 2
    assert "is not the results folder of a run" in capsys.readouterr().err
