# SPDX-License-Identifier: GPL-2.0-only
"""Where addresses of mirrors come from: the user, the host's apt sources, or programs that make Debian systems."""

import re
from pathlib import Path

import pytest
from lazymmu.provision import mirrors
from lazymmu.support.errors import SetupError

DOCKER = ("docker.list", "deb [arch=amd64] https://docker.example/linux/debian trixie stable\n")
PARAGRAPHS = (
    "# http://comment.example/debian\nTypes: deb\nURIs: {}\nSuites: trixie\nComponents: main\n\n"
    "Types: deb\nURIs: http://own.example/debian-security\nComponents: main\n \n"
    "URIs: http://vendor.example/debian\nComponents: stable"
)
HOSTS: dict[str, dict[str, str]] = {
    "paragraphs": {"debian.sources": PARAGRAPHS.format("http://own.example/debian/")},
    "lines": {
        "../sources.list": "#deb http://x.example/debian a main\ndeb [a=b] http://own.example/debian trixie main\n"
    },
    "the end of a file": {"a.sources": "Components: main\nURIs: http://own.example/debian"},
    "before others": {
        "a.list": "deb http://other.example/debian x main\n",
        "../sources.list": "deb http://own.example/debian x main",
    },
    "a list of mirrors": {
        "debian.sources": PARAGRAPHS.format("mirror+file:/etc/apt/mirrors/debian.list"),
        "../mirrors/debian.list": "http://own.example/debian\n",
    },
    "mmdebstrap": {"../../../usr/bin/mmdebstrap": "my $mirror = 'http://own.example/debian';\n"},
    "debootstrap": {"../../../usr/sbin/debootstrap": 'DEF_MIRROR="http://own.example/debian"\n'},
}


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAZYMMU_MIRROR", raising=False)


def host(folder: Path, files: dict[str, str]) -> Path:
    """Make a host with these files in its folder of sources, and with another vendor's source."""
    for name, text in (*files.items(), DOCKER):
        path = folder / "etc/apt/sources.list.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        path.resolve().write_text(text)
    return folder


@pytest.mark.parametrize("files", HOSTS.values(), ids=HOSTS)
def test_the_host_says_which_mirror_it_uses(files: dict[str, str], tmp_path: Path) -> None:
    assert mirrors.mirrors(host(tmp_path, files)) == ["http://own.example/debian"]


def test_a_host_that_names_none_is_one_message_with_the_way_out(tmp_path: Path) -> None:
    ubuntu = {"ubuntu.sources": "URIs: http://archive.example/ubuntu/\nComponents: main\n"}
    with pytest.raises(SetupError, match=r"no mirror of Debian is known.*\n.*export LAZYMMU_MIRROR=ADDRESS"):
        mirrors.mirrors(host(tmp_path, ubuntu))


def test_what_the_user_names_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = host(tmp_path, HOSTS["lines"])
    monkeypatch.setenv("LAZYMMU_MIRROR", " http://one.example/debian/  https://[::1]:8080/x ")
    assert mirrors.mirrors(named) == ["http://one.example/debian", "https://[::1]:8080/x"]
    for wrong in ("one.example", "ftp://one.example/debian", "http://:80", "http://[", "http://one.example:x/debian"):
        monkeypatch.setenv("LAZYMMU_MIRROR", f"http://one.example/debian {wrong}")
        with pytest.raises(SetupError, match=f"LAZYMMU_MIRROR: `{re.escape(wrong)}` is not the address of a mirror"):
            mirrors.mirrors(named)
