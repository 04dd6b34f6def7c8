# SPDX-License-Identifier: GPL-2.0-only
"""Files that a user pushes and pulls are checked before a guest starts."""

from pathlib import Path

import pytest
from lazymmu.shell import files
from lazymmu.support.errors import UsageError


def test_files_that_a_guest_cannot_take_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_text(name)
    (push,) = files.pushes([str(tmp_path / "a" / "same")])
    assert (str(push.path), push.content) == (f"{files.HOME}/same", b"a")
    with pytest.raises(UsageError, match="two files have the name `same`"):
        files.pushes([str(tmp_path / name / "same") for name in ("a", "b")])
    with pytest.raises(UsageError, match="Is a directory"):
        files.pushes([str(tmp_path / "a")])
    with pytest.raises(UsageError, match="No such file"):
        files.pushes([str(tmp_path / "c")])
    (tmp_path / "line\nbreak").write_text("")
    with pytest.raises(UsageError, match="control characters"):
        files.pushes([str(tmp_path / "line\nbreak")])


def test_a_file_of_the_guest_never_replaces_one_of_the_user(tmp_path: Path) -> None:
    (pull,) = files.pulls(["dir/name"], tmp_path)
    assert (str(pull.path), pull.target) == (f"{files.HOME}/dir/name", tmp_path / "name")
    (pull,) = files.pulls(["/proc/version"], tmp_path)
    assert (str(pull.path), pull.target) == ("/proc/version", tmp_path / "version")
    (tmp_path / "version").symlink_to("nowhere")
    with pytest.raises(UsageError, match="`version` exists"):
        files.pulls(["/proc/version"], tmp_path)
    with pytest.raises(UsageError, match="two files have the name `x`"):
        files.pulls(["a/x", "b/x"], tmp_path)
