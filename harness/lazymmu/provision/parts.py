# SPDX-License-Identifier: GPL-2.0-only
"""The parts of the lock that guests need, and the packages by which apt resolves each."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lazymmu.architecture import architectures
from lazymmu.provision import lock
from lazymmu.provision.catalogue import Kernel

#: The suite with QEMU 10. QEMU 7.2 broke two boots of ten x86_64 guests with two CPUs.
SUITE = "trixie"
# What the compilers and kbuild call. Each architecture adds its own packages.
_HOST_PACKAGES = (
    *("base-files", "libc6", "bash", "dash", "coreutils", "sed", "grep", "gawk", "findutils", "diffutils", "make"),
    *("perl-base", "kmod", "binutils"),
)
# What a whole kernel needs besides, for programs that run on the host while it is built.
_BUILD_PACKAGES = ("gcc", "libc6-dev", "flex", "bison", "bc", "libelf-dev", "libssl-dev", "xz-utils", "gzip")
#: The SSH server of guests, and the shell of guests: statically linked.
SSH_PACKAGE, SHELL_PACKAGE = "dropbear-bin", "busybox-static"
# The debugger, which knows all architectures, and its terminal's tables.
_DEBUGGER_PACKAGES = ("gdb-multiarch", "ncurses-base")
SSH, SHELL, APT, BUILD, DEBUGGER = "ssh", "shell", "apt", "build", "debugger"
# A kernel's debug information is a part with the kernel's name and this.
_DEBUG_INFO = "-debug-info"


class Request(NamedTuple):
    """One part, and how apt resolves it."""

    #: Debian's name of the host's architecture.
    host: str
    #: The guest's architecture (of a variant, the one whose packages it uses), or lock.HOST.
    arch: str
    name: str
    suite: str
    #: The packages that are wanted, with `=VERSION` if only that one is; or the kernel's flavour.
    names: tuple[str, ...]

    @property
    def is_kernel(self) -> bool:
        """Whether the part is a kernel."""
        return self.arch != lock.HOST and self.name not in (lock.TOOLS, SSH, SHELL) and not self.is_debug_info

    @property
    def is_debug_info(self) -> bool:
        """Whether the part is a kernel's debug information, which needs no other package."""
        return self.name.endswith(_DEBUG_INFO)

    @property
    def debian(self) -> str:
        """Debian's name of the architecture of the wanted packages."""
        is_for_host = self.arch == lock.HOST or self.name == lock.TOOLS
        return self.host if is_for_host else architectures()[self.arch].debian


def host_tools(host: str | None = None) -> Request:
    """Return the part with what all tool roots of a host have; None is this host."""
    return Request(host or lock.host_architecture(), lock.HOST, lock.TOOLS, SUITE, _HOST_PACKAGES)


def host_apt(host: str | None = None) -> Request:
    """Return the part with apt itself, for hosts without one."""
    return Request(host or lock.host_architecture(), lock.HOST, APT, SUITE, ("apt", "dpkg", "debian-archive-keyring"))


def host_build(host: str | None = None) -> Request:
    """Return the part with what only `lazymmu kernel build` needs."""
    return Request(host or lock.host_architecture(), lock.HOST, BUILD, SUITE, _BUILD_PACKAGES)


def host_debugger(host: str | None = None) -> Request:
    """Return the part with what only `lazymmu gdb` needs."""
    return Request(host or lock.host_architecture(), lock.HOST, DEBUGGER, SUITE, _DEBUGGER_PACKAGES)


def tools(arch: str, host: str | None = None) -> Request:
    """Return the part with an architecture's compiler and QEMU, which lacks what `host_tools` has."""
    own, architecture = host or lock.host_architecture(), architectures()[arch]
    library = "libc6-dev" if architecture.debian == own else f"libc6-dev-{architecture.debian}-cross"
    return Request(own, architecture.packages_of, lock.TOOLS, SUITE, (*architecture.packages, library))


def kernel(kernel: Kernel, arch: str, host: str | None = None) -> Request:
    """Return the part with a kernel for an architecture that has it; the programs of kbuild are the host's."""
    return _of_guest(arch, kernel.name, kernel.suite, kernel.flavours[arch], host)


def debug_info(kernel: Kernel, arch: str, release: str, version: str) -> Request:
    """Return the part with the debug information of a kernel in just this version; only a user's request needs it."""
    wanted = f"linux-image-{release}-dbg={version}"
    return _of_guest(arch, f"{kernel.name}{_DEBUG_INFO}", kernel.suite, wanted, None)


def ssh(arch: str, host: str | None = None) -> Request:
    """Return the part with a guest's SSH server."""
    return _of_guest(arch, SSH, SUITE, SSH_PACKAGE, host)


def shell(arch: str, host: str | None = None) -> Request:
    """Return the part with a guest's shell."""
    return _of_guest(arch, SHELL, SUITE, SHELL_PACKAGE, host)


def _of_guest(arch: str, name: str, suite: str, wanted: str, host: str | None) -> Request:
    own = architectures()[arch].packages_of
    return Request(host or lock.host_architecture(), own, name, suite, (wanted,))


def every(kernels: Iterable[Kernel], host: str | None = None) -> Iterator[Request]:
    """Yield every part of every architecture with these kernels."""
    yield from (host_tools(host), host_apt(host), host_build(host), host_debugger(host))
    for arch in (name for name, one in architectures().items() if not one.variant_of):
        yield from (tools(arch, host), ssh(arch, host), shell(arch, host))
        yield from (kernel(one, arch, host) for one in kernels if arch in one.flavours)
