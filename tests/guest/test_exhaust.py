# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu exhaust`: a right implementation passes in every state, and one that is wrong in one state does not."""

import json
from pathlib import Path

import pytest

from tests.guest import machines
from tests.guest.conftest import Lazymmu
from tests.headers import MERGED

_COUNTED = "\tits->pause_count += 1;\n"


def test_every_call_in_every_state_is_as_the_model_says(lazymmu: Lazymmu, tmp_path: Path) -> None:
    path = tmp_path / "exhaust.json"
    done = lazymmu("exhaust", "--api", "proposal", "--api", "v4", "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(path.read_text())["exhaust"]
    assert {(one["api"], one["arch"]) for one in found} == {
        (api, arch) for api in ("proposal", "v4") for arch in machines.ARCHES
    }
    for one in found:
        assert (one["outcome"], one["states"], one["transitions"]) == ("pass", 512, 4096)
        assert f"{one['api']} on {one['arch']}: 512 states, 4096 transitions, " in done.stdout


def test_a_mistake_in_one_state_is_found_and_written_as_a_scenario(lazymmu: Lazymmu, tmp_path: Path) -> None:
    header = tmp_path / "my.h"
    assert _COUNTED in MERGED
    # Only the 201st pause in a row is wrong, which no scenario of the library has.
    header.write_text(MERGED.replace(_COUNTED, "\tits->pause_count += its->pause_count == 200 ? 2 : 1;\n"))
    done = lazymmu("exhaust", "--arch", "s390x", "--header", str(header), "--out", str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "fail  merged header on s390x" in done.stdout
    assert "the call: pause with enable_count 0, pause_count 200" in done.stdout
    written = tmp_path / "exhaust-merged-header-s390x.yaml"
    # Fewer calls than 200 pauses lead there.
    assert written.read_text().endswith("  - repeat: {times: 56, steps: [resume]}\n  - pause\n")
    flags = (str(written), "--arch", "s390x")
    assert lazymmu("run", *flags, "--header", str(header)).returncode == 1
    assert lazymmu("run", *flags, "--api", "merged").returncode == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("api", ["merged", "with-ptes"])
def test_every_pair_of_counts_is_as_the_model_says(lazymmu: Lazymmu, api: str) -> None:
    done = lazymmu("exhaust", "--api", api)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": 65536 states, ") == len(machines.ARCHES)


def test_a_folder_that_does_not_exist_is_refused(lazymmu: Lazymmu, tmp_path: Path) -> None:
    done = lazymmu("exhaust", "--out", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
