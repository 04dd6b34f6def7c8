# SPDX-License-Identifier: GPL-2.0-only
"""Parts of the lock are read back as they were written, the later of two counts, and a wrong one is named."""

from pathlib import Path
from typing import Any

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision import catalogue, lock, parts
from lazymmu.provision.lock import Package, Part
from lazymmu.support.errors import SetupError

THING = Package("thing", "1", "amd64", 9, "0" * 64, "pool/main/t/thing/thing_1+b1~x_amd64.deb")
PATHS = "../x.deb", "/etc/x.deb", "pool/../x.deb", "pool/./x.deb", "pool//x.deb", "pool/x", "http://h/pool/x.deb", "", 7
DIGESTS: list[dict[str, Any]] = [{"size": 0}, {"size": "9"}, {"sha256": "0" * 63}, {"sha256": "G" * 64}]
DAMAGED = "", "{", "[1]", '"x"', "{}", '{"packages": [{}]}', '{"packages": ["x"]}'


def written(file: Path, *packages: Package, day: str = "2026-11-30") -> Part:
    part = Part("trixie", day, ("thing",), packages)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(lock.text(part))
    return part


def test_of_two_parts_the_later_counts_and_of_one_day_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PROJECT", tmp_path / "project")
    assert lock.part(tmp_path, "amd64", "arm64", "tools") is None
    own = written(lock.path(lock.users(tmp_path), "amd64", "arm64", "tools"), THING)
    for day, counts in {"2026-11-29": False, "2026-11-30": False, "2026-12-01": True}.items():
        projects = written(lock.path(lock.PROJECT, "amd64", "arm64", "tools"), THING._replace(version="2"), day=day)
        assert lock.part(tmp_path, "amd64", "arm64", "tools") == (projects if counts else own)


def test_a_package_with_a_path_outside_the_pool_or_without_size_and_digest_is_refused_by_name(tmp_path: Path) -> None:
    wrongs: list[tuple[dict[str, Any], str]] = [({"path": path}, "is outside the archive's pool") for path in PATHS]
    wrongs += [(fields, "a size in bytes and a SHA-256 are needed") for fields in DIGESTS]
    for fields, reason in wrongs:
        written(tmp_path / "x.json", THING, Package(**{**THING._asdict(), "name": "evil", **fields}))
        with pytest.raises(SetupError, match=rf"x\.json: evil: .*{reason}"):
            lock.read(tmp_path / "x.json")


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_part_is_an_error_with_the_way_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SetupError, match=r"x\.json is damaged") as caught:
        lock.read(tmp_path / "x.json")
    assert caught.value.hint == f"remove it, or check it out again: {tmp_path / 'x.json'}"


def test_the_projects_lock_has_all_that_guests_need_once() -> None:
    for_arm64 = [parts.host_tools("arm64"), *(parts.tools(arch, "arm64") for arch in default_names())]
    for wanted in (*parts.every([catalogue.kernel("lts")], "amd64"), *for_arm64):
        part = lock.read(lock.path(lock.PROJECT, wanted.host, wanted.arch, wanted.name))
        assert (part.suite, part.names, bool(part.release)) == (wanted.suite, wanted.names, wanted.is_kernel)
        if not wanted.is_kernel:
            foreign = {name.rpartition(":")[2] for name in wanted.names if ":" in name}
            assert {name.partition(":")[0] for name in wanted.names} <= {package.name for package in part.packages}
            assert {package.architecture for package in part.packages} <= {wanted.debian, "all", *foreign}
    for path in lock.PROJECT.glob("*/*/*.json"):
        part = lock.read(path)
        assert path.parent.name in (lock.HOST, *architectures()) and path.read_text() == lock.text(part)
        assert len({(one.name, one.architecture) for one in part.packages}) == len(part.packages)
