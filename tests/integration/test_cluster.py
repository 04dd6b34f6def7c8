# SPDX-License-Identifier: GPL-2.0-only
"""`run --on` refuses what cannot work, by name, before it runs anything."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster
from lazymmu.cli import main
from lazymmu.session.shards import cluster


@pytest.fixture(autouse=True)
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder of one's own, and wait for half a second only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "_LIMIT", 0.5)


@pytest.fixture
def address() -> Iterator[str]:
    """A scheduler without workers."""
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None) as found:
        yield found.scheduler_address


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["run", "nesting/single", *words, "--out", "out"])
    assert not Path("out", "results.json").exists()
    return status, capsys.readouterr().err


def test_a_scheduler_that_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    status, message = refused(capsys, "--on", address)
    assert (status, f"no dask scheduler answers at {address}" in message) == (3, True), message


def test_a_program_that_is_no_scheduler(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"220 mail.example ESMTP\r\n" * 10)
                connection.recv(1)

        threading.Thread(target=greet, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        status, message = refused(capsys, "--on", address)
    assert (status, f"no dask scheduler answers at {address}" in message) == (3, True), message


def test_a_scheduler_without_workers(capsys: pytest.CaptureFixture[str], address: str) -> None:
    Path("scheduler.json").write_text(json.dumps({"address": address}))
    status, message = refused(capsys, "--on", "scheduler.json")
    assert (status, f"the scheduler {address} has no workers" in message) == (3, True), message


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--on", "missing.json"], 2, "--on missing.json is not an address, and cannot be read: No such file"),
        (["--on", "empty.json"], 2, "--on empty.json is not a scheduler file"),
        (["--on", "foo://127.0.0.1:1"], 3, "no dask scheduler answers at foo://127.0.0.1:1: unknown address"),
        (["--on", "tls://127.0.0.1:1"], 3, "no dask scheduler answers at tls://127.0.0.1:1"),
        (["--on", "tcp://127.0.0.1"], 3, "no dask scheduler answers at tcp://127.0.0.1"),
        (["--on", "x", "--shard", "1/2"], 2, "--on and --shard cannot be given together"),
        (["--on", "x", "--save-plan", "plan"], 2, "--on and --save-plan cannot be given together"),
        (["--on", "x", "--patch", "-"], 2, "--on needs a patch in a file"),
        (["--on", "x", "--kernel", "./build"], 2, "--on and --kernel ./build cannot be given together"),
    ],
)
def test_words_that_cannot_work(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, message: str
) -> None:
    Path("empty.json").write_text("{}")
    found, error = refused(capsys, *words)
    assert (found, message in error) == (status, True), error


def test_a_file_that_workers_cannot_have_by_its_name(
    capsys: pytest.CaptureFixture[str], address: str, tmp_path: Path
) -> None:
    path = tmp_path / "above" / "mine.yaml"
    path.parent.mkdir()
    path.write_text("description: x\nsteps: [enable, disable]\n")
    status, message = refused(capsys, str(path), "--on", address)
    assert status == 2
    assert f"--on: workers cannot have a file named {path}\n  hint: name it relative" in message
    assert f": {os.path.relpath(path)}" in message
