# SPDX-License-Identifier: GPL-2.0-only
"""A set-up that is interrupted, or that a disk refuses, leaves nothing half done and prints one error."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.disks import read_only, small, without_privileges
from tests.soak.interrupts import SIGNALS, left_behind
from tests.unit import apart


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_ends_a_set_up_that_waits_for_its_mirror(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "cache"
    (tmp_path / "tmp").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as mirror:
        mirror.settimeout(60)
        environment = apart.environment(
            XDG_CACHE_HOME=str(folder),
            TMPDIR=str(tmp_path / "tmp"),
            LAZYMMU_MIRROR=f"http://127.0.0.1:{mirror.getsockname()[1]}/debian",
            no_proxy="127.0.0.1",
        )
        command = ["env", "--default-signal=INT", *apart.command("setup")]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            # It connects here and gets no reply.
            connection, _ = mirror.accept()
            begin = time.monotonic()
            process.send_signal(number)
            stderr = process.communicate(timeout=60)[1]
        connection.close()
    assert left_behind(folder, folder / "lazymmu", tmp_path / "tmp") == []
    assert time.monotonic() - begin < 3
    if number is signal.SIGKILL:
        # The next run removes what is half made.
        subprocess.run(apart.command("run", "--offline", "nesting/single"), env=environment, check=False)
    else:
        assert process.returncode == 130
        assert "interrupted" in stderr
        assert "Traceback" not in stderr
    # The next set-up goes on with downloads that were cut off.
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".lock", ".deb"}
    assert list(folder.rglob("*.partial")) == []


@pytest.mark.parametrize(
    ("limit", "texts"),
    [
        pytest.param(read_only, ["cannot be written"], id="a read-only disk"),
        pytest.param(lambda _: without_privileges(), ["cannot be written"], id="a folder of somebody else"),
        pytest.param(
            lambda folder: small(folder, "64m"),
            ["no space left in", " MB are needed, 67 MB are free", "lazymmu clean"],
            id="a small disk",
        ),
    ],
)
def test_a_set_up_that_a_disk_refuses_prints_one_error(
    tmp_path: Path, limit: Callable[[Path], Sequence[str]], texts: list[str]
) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    done = subprocess.run(
        [*limit(folder), *apart.command("setup")],
        env=apart.environment(XDG_CACHE_HOME=str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    for text in (str(folder), "LAZYMMU_CACHE", *texts):
        assert text in done.stderr
    assert done.stderr.count(texts[0]) == 1, done.stderr
    assert "Traceback" not in done.stderr
