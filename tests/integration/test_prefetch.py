# SPDX-License-Identifier: GPL-2.0-only
"""A prefetched question is asked once; its answer or error comes where it is needed, and nothing waits at the end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lazymmu.session import prefetch
from lazymmu.support.errors import SetupError
from lazymmu.support.project import ROOT

from tests.guest.processes import wait_until_none


def test_an_error_is_raised_where_the_answer_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A host without bubblewrap and chroot.
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = prefetch.sandbox()
    with pytest.raises(SetupError, match="no way to run programs in the tool root works here") as caught:
        sandbox(tmp_path)
    for text in ("bwrap: ", "chroot: ", "kernel.unprivileged_userns_clone", "bubblewrap", "root"):
        assert text in str(caught.value)


def test_an_end_from_outside_waits_for_no_answer(tmp_path: Path) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\necho asked >{tmp_path}/asked\nexec sleep 61.25\n")
    (tmp_path / "git").chmod(0o755)
    os.mkfifo(tmp_path / "asked")
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT / "harness"),
    }
    command = [sys.executable, "-P", "-m", "lazymmu", "run", "--offline"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert (tmp_path / "asked").read_text() == "asked\n"
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert time.monotonic() - begin < 3
    assert (process.returncode, said) == (130, "lazymmu: interrupted\n")
    assert wait_until_none("61.25") == {}


@pytest.mark.parametrize("library", ["uuid", "yaml"])
def test_an_interrupt_while_libraries_are_loaded_is_not_lost(tmp_path: Path, library: str) -> None:
    os.mkfifo(tmp_path / "here")
    # As code in C does that takes any error for the lack of what it looks for.
    (tmp_path / f"{library}.py").write_text(
        f"import sys\nsys.path.remove('{tmp_path}')\ndel sys.modules['{library}']\n"
        f"try:\n    open('{tmp_path}/here', 'w').close()\n    open('{tmp_path}/here').readline()\n"
        f"except BaseException:\n    pass\nimport {library}\n"
    )
    command = ["env", "--default-signal=INT", sys.executable, "-P", "-m", "lazymmu", "list"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'harness'}"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        (tmp_path / "here").read_text()
        process.send_signal(signal.SIGINT)
        # Nobody reads any more where the process is gone already.
        released = os.open(tmp_path / "here", os.O_RDWR)
        os.write(released, b"\n")
        _, said = process.communicate(timeout=30)
        os.close(released)
    assert (process.returncode, said) == (130, "lazymmu: interrupted\n")
