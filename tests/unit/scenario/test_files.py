# SPDX-License-Identifier: GPL-2.0-only
"""Files that are no scenario files: each a clear error with its place, never a hang."""

import os
import socket
from pathlib import Path

import pytest
from lazymmu.scenario import load
from lazymmu.scenario.strict_yaml.files import MAX_FILE_BYTES
from lazymmu.support.errors import LazymmuError, ScenarioError

from tests.unit.rows import each_row

from .workbench import Workbench

GOOD = "description: d\nsteps: [enable]\n"


@each_row(
    ("content", "problem"),
    [
        (b"", "1:1: no scenario in this file: it is empty"),
        (b" \n\n", "1:1: no scenario in this file: it is empty"),
        (b"\x7fELF\x02\x01\x01\x00", "1:1: not a text file: character U+007F"),
        (b"a: b\nc: \xff\xfe\n", "2:4: not a text file: byte 0xff is not UTF-8"),
        ("\u00e9: \u00e9\n".encode() + b"\xc3(", "2:1: not a text file: byte 0xc3 is not UTF-8"),
        (GOOD.encode("utf-16"), "1:1: not a text file: byte 0xff is not UTF-8"),
        (GOOD.encode().replace(b"\n", b"\0"), "1:15: not a text file: character U+0000"),
        (b"#" * (MAX_FILE_BYTES + 1), "1:1: too large for a scenario: more than 1,048,576 bytes"),
    ],
)
def test_a_file_that_is_not_text_is_refused(bench: Workbench, content: bytes, problem: str) -> None:
    assert bench.refuse(content) == [problem]


def refusal(library: Path, *arguments: str) -> str:
    with pytest.raises(LazymmuError) as caught:
        load(arguments, library)
    assert caught.value.exit_status == 2
    return str(caught.value)


@each_row("argument", [None, "x", "x.yaml"])
def test_a_fifo_is_refused_without_waiting(tmp_path: Path, argument: str | None) -> None:
    (tmp_path / "x.yaml").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "x.yaml")
    arguments = [] if argument is None else [argument]
    assert refusal(tmp_path, *arguments) == f"{tmp_path}/x.yaml:1:1: not a scenario file: it is a FIFO"


def test_devices_sockets_and_directories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "dir.yaml").mkdir()
    (tmp_path / "dir.yaml" / "x.yaml").write_text(GOOD)
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the path of a socket is short
        try:
            server.bind("s.yaml")
        finally:
            os.chdir(here)
        assert refusal(tmp_path) == "\n".join(
            f"{tmp_path}/{name}.yaml:1:1: not a scenario file: it is a {what}"
            for name, what in [("dir", "directory"), ("s", "socket"), ("zero", "device")]
        )


def test_a_file_that_cannot_be_read_is_reported_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "mem.yaml").symlink_to("/proc/self/mem")
    lines = refusal(tmp_path).split("\n")
    assert [line.removeprefix(f"{tmp_path}/") for line in lines] == [
        "gone.yaml:1:1: cannot be read: No such file or directory",
        "loop.yaml:1:1: cannot be read: Too many levels of symbolic links",
        "mem.yaml:1:1: cannot be read: Input/output error",
    ]


def test_mistakes_of_all_files_come_in_one_error_sorted(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("description: d\nsteps: [enabel]\n")
    (tmp_path / "a.yaml").write_text("steps: [enable]\n")
    (tmp_path / "c.yaml").write_text(GOOD)
    with pytest.raises(ScenarioError) as caught:
        load([], tmp_path)
    assert str(caught.value).split("\n") == [
        f"{tmp_path}/a.yaml:1:1: a scenario needs `description`",
        f"{tmp_path}/b.yaml:2:9: unknown step `enabel` (did you mean `enable`?)",
    ]
