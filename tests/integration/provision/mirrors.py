# SPDX-License-Identifier: GPL-2.0-only
"""A mirror that is out of step: programs in place of mmdebstrap and apt that print what those printed then.

What they say was said by apt 2.6 and mmdebstrap 1.3 to real mirrors in November 2026.
"""

import os
from pathlib import Path

import pytest

RELEASE, VERSION = "7.3.4+deb13", "7.3.4-1~bpo13+1"

OUT_OF_STEP = """\
E: Failed to fetch http://mirror/debian/dists/trixie-backports/main/binary-s390x/Packages.xz  \
File has unexpected size (265964 != 279708). Mirror sync in progress? [IP: 192.0.2.1 80]
   Hashes of expected file:
    - Filesize:279708 [weak]
E: Some index files failed to download. They have been ignored, or old ones used instead.
E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> -oDpkg::Use-Pty=false failed
I: main() received signal PIPE: waiting for setup...
E: mmdebstrap failed to run
"""
EXPIRED = """\
Reading package lists...
E: Release file for http://mirror/debian/dists/experimental/InRelease is expired (invalid since 16d 21h 23min 59s). \
Updates for this repository will not be applied.
E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> -oDpkg::Use-Pty=false failed
E: mmdebstrap failed to run
"""
NO_NETWORK = """\
Err:1 http://mirror/debian trixie-backports InRelease
  Could not connect to 192.0.2.1:80 (192.0.2.1). - connect (111: Connection refused)
Reading package lists...
E: Failed to fetch http://mirror/debian/dists/trixie-backports/InRelease  Could not connect to 192.0.2.1:80
E: Some index files failed to download. They have been ignored, or old ones used instead.
E: mmdebstrap failed to run
"""
ILL = """\
E: Failed to fetch http://mirror/debian/dists/trixie-backports/InRelease  503  Service Unavailable [IP: 192.0.2.1 80]
E: mmdebstrap failed to run
"""
FULL = """\
E: Write error - write (28: No space left on device)
E: mmdebstrap failed to run
"""

# The last arguments are suite and folder; which architectures were asked for is kept in a log.
_MMDEBSTRAP = """\
#!/bin/sh
for word; do
    case $word in
    --setup-hook=*mirror+*) pinned=yes ;;
    --architectures=*) arches=$(echo "${word#*=}" | tr , ' ') ;;
    /*) target=$word ;;
    esac
done
echo "$arches" >>"$MIRROR/asked"
for arch in $arches; do
    if test -z "$pinned" && test -e "$MIRROR/$arch"; then cat "$MIRROR/$arch" >&2; exit 25; fi
done
mkdir -p "$target"
echo "$arches" >"$target/lazymmu-apt.conf"
"""
_APT_CACHE = f"""\
#!/bin/sh
for package; do :; done
name=${{package%:*}}
if test -e "$MIRROR/lacks" && grep -qx "$package" "$MIRROR/lacks"; then
    echo "N: Unable to locate package $name" >&2
    echo "E: No packages found" >&2
    exit 100
fi
echo "Package: $name"
echo "Version: {VERSION}"
case $name in
linux-headers-{RELEASE}-*) echo "Depends: linux-headers-{RELEASE}-common (= {VERSION}), linux-kbuild-{RELEASE}" ;;
linux-headers-*) echo "Depends: linux-headers-{RELEASE}-${{name#linux-headers-}} (= {VERSION})" ;;
linux-image-*) echo "Depends: dracut, linux-binary-${{name#linux-image-}} (= {VERSION})" ;;
esac
"""
_APT_GET = """\
#!/bin/sh
shift
for package; do
    if test -e "$MIRROR/gone"; then
        echo "E: Version '${package#*=}' for '${package%=*}' was not found" >&2
        exit 100
    fi
    touch "$(echo "${package%%:*}")_x.deb"
done
"""


class Mirror:
    """What the tools' answers are made from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def refuses(self, debian: str, said: str) -> None:
        """Let mmdebstrap end with these lines whenever this architecture is asked for."""
        (self._folder / debian).write_text(said)

    def lacks(self, package: str) -> None:
        """Let apt have no such package."""
        (self._folder / "lacks").write_text(package + "\n")

    def gone(self) -> None:
        """Let apt find no version that is asked for by its number."""
        (self._folder / "gone").touch()

    def asked(self) -> list[str]:
        """Return the architectures of each question so far."""
        path = self._folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """Put the tools before those of the host."""
    programs, data = folder / "bin", folder / "mirror"
    programs.mkdir()
    data.mkdir()
    for name, text in {"mmdebstrap": _MMDEBSTRAP, "apt-cache": _APT_CACHE, "apt-get": _APT_GET}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("MIRROR", str(data))
    return Mirror(data)
