# SPDX-License-Identifier: GPL-2.0-only
"""Small folders that look like a source tree of Linux, and like one in which kbuild built a kernel."""

import os
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.provision import kernel_config

#: Names a source tree of Linux 7.0 or later for the tests that need a real one.
TREE = "LAZYMMU_TEST_TREE"
# What `make` does in the fake tree: options named ABSENT_... do not come to be, and broken.c does not compile.
_MAKEFILE = """\
VERSION = {version[0]}
PATCHLEVEL = {version[1]}
SUBLEVEL = 4
EXTRAVERSION =
NAME = Fake

allnoconfig:
	@grep -v ABSENT_ $(KCONFIG_ALLCONFIG) >$(O)/.config
Image vmlinux bzImage: ; @echo $(ARCH) $@ >>$(O)/made; test ! -e broken.c || {{ cat broken.c >&2; exit 2; }}
modules: ; @echo $(ARCH) modules >>$(O)/made
"""
_KCONFIG = """\
config ABSENT_HERE
	bool "An option"
	depends on MMU && \\
		ABSENT_TOO && !SMP && !ABSENT_MENU

config ABSENT_HIDDEN
	bool

menu "More"
	depends on ABSENT_MENU
if SMP
config ABSENT_IN_MENU
	bool "Another"
endif
endmenu
"""


def source(folder: Path, version: tuple[int, int] = (7, 3), arches: tuple[str, ...] = ("arm64", "s390")) -> Path:
    """Make a source tree."""
    files = {
        "Makefile": _MAKEFILE.format(version=version),
        "Kconfig": _KCONFIG,
        "include/linux/pgtable.h": "",
        "include/linux/sched.h": "",
        "scripts/kconfig/merge_config.sh": 'shift 3\ncat "$@" >$KCONFIG_CONFIG\n',
        **{f"arch/{arch}/Makefile": "" for arch in arches},
        **{f"arch/{arch}/include/asm/pgtable.h": "" for arch in arches},
    }
    for name, text in files.items():
        write(folder / name, text)
    return folder


def built(folder: Path, tree: Path, arch: str = "arm64", release: str = "7.3.4", more: str = "") -> Path:
    """Make what kbuild leaves in a folder when it has built a tree there; `more` follows in the configuration."""
    architecture = architectures()[arch]
    config = {architecture.config: "y", "ARCH_HAS_LAZY_MMU_MODE": "y", **kernel_config.needed(arch)}
    files = {
        ".config": "\n".join([*(kernel_config.line(*one) for one in config.items()), more, ""]),
        "Module.symvers": "",
        "scripts/mod/modpost": "",
        "include/generated/autoconf.h": "",
        "include/config/kernel.release": f"{release}\n",
        architecture.images[0]: f"image of {release}\n",
    }
    if folder != tree:
        files["Makefile"] = f"export KBUILD_OUTPUT = {folder}\ninclude {tree}/Makefile\n"
    for name, text in files.items():
        write(folder / name, text)
    return folder


def write(file: Path, text: str) -> None:
    """Write a file in a folder that may not exist."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def later(file: Path, than: Path) -> None:
    """Let a file be a second newer than another one."""
    seconds = than.stat().st_mtime + 1
    os.utime(file, (seconds, seconds))
