# SPDX-License-Identifier: GPL-2.0-only
"""A tool ends with the harness and when `stop` is called, and everything that it started ends with it."""

import os
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from lazymmu.provision.subprocesses import ToolError, Tools, tethered
from lazymmu.support.errors import SetupError

from tests.guest.processes import wait_for_marked, wait_until_none
from tests.unit import apart

# The worst tool has a child that left its group and holds none of its pipes.
FAMILY = "sleep 1001 & setsid sleep 1002 >/dev/null 2>&1 & exec sleep 1000"


@pytest.fixture
def mark() -> str:
    """A word for the environment of a family. Without namespaces, a process that left its group is not ended."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    done = subprocess.run(["unshare", *user, "--pid", "--fork", "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"PID namespaces are forbidden here: {done.stderr.strip()}")
    return f"mark-{secrets.token_hex(8)}"


def family(mark: str) -> list[str]:
    return ["env", f"MARK={mark}", "sh", "-c", FAMILY]


def test_a_run_returns_the_output_of_the_tool() -> None:
    assert Tools().run(["printf", "a\\nb"], what="print") == "a\nb"


def test_a_failure_names_the_work_the_command_and_its_last_lines() -> None:
    with pytest.raises(ToolError) as caught:
        Tools().run(["sh", "-c", "echo out; echo reason >&2; exit 7"], what="make it", hint="do that")
    for text in ("make it: `sh` ended with status 7", "    reason", "command: sh -c", "hint: do that"):
        assert text in str(caught.value)
    assert caught.value.output == "out\nreason\n"


def test_a_missing_tool_names_its_package() -> None:
    with pytest.raises(SetupError, match="`no-such-tool` is not installed\n  hint: as root: apt-get install no-such"):
        Tools().run(["no-such-tool"], what="x")


def test_stop_ends_a_tool_and_all_that_it_started_at_once(mark: str) -> None:
    tools, errors = Tools(), []

    def work() -> None:
        with pytest.raises(SetupError) as caught:
            tools.run(family(mark), what="make it")
        errors.append(str(caught.value))

    thread = threading.Thread(target=work)
    thread.start()
    wait_for_marked(mark, "sleep")
    begin = time.monotonic()
    tools.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - begin < 2
    assert errors == ["make it: interrupted"]
    assert wait_until_none(mark) == {}


def test_none_starts_after_stop(tmp_path: Path) -> None:
    tools = Tools()
    tools.stop()
    with pytest.raises(SetupError, match="interrupted"):
        tools.run(["touch", str(tmp_path / "file")], what="make it")
    assert list(tmp_path.iterdir()) == []


def test_a_sigkill_of_the_harness_ends_a_tool_and_all_that_it_started(mark: str) -> None:
    code = f"from lazymmu.provision.subprocesses import Tools; Tools().run({family(mark)!r}, what='x')"
    with subprocess.Popen([sys.executable, "-c", code], env=apart.environment()) as harness:
        wait_for_marked(mark, "sleep")
        harness.kill()
    assert wait_until_none(mark) == {}


def test_a_process_whose_parent_is_already_gone_does_not_start(tmp_path: Path) -> None:
    # The shell is not the process that made the command, just as a process that adopts orphans.
    orphan = tethered(["touch", str(tmp_path / "orphan")])
    subprocess.run(["sh", "-c", '"$@"; true', "sh", *orphan], check=True)
    subprocess.run(tethered(["touch", str(tmp_path / "child")]), check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["child"]
