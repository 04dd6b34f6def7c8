# SPDX-License-Identifier: GPL-2.0-only
"""The architectures of guests: what the harness knows of each, as one record.

Each file in `architectures/` is one, and its name without `.toml` is the architecture's. No other file lists them. Only
the standard library is used here (see provision/lock.py).
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_origin

from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.suggestions import suggestion

#: The word for every architecture where a user names some.
ALL = "all"
#: The kernel of images/kernels.yaml that guests have by default.
DEFAULT_KERNEL = "lts"


class Architecture(NamedTuple):
    """One kind of guest. A file gives the fields by their names, without `name`."""

    #: Name on the command line, in scenarios and in results.
    name: str
    #: Personality of its guests, unless a scenario names another.
    personality: str

    # -- What is built for it
    #: Debian's name of the architecture.
    debian: str
    #: Kernel's name in our catalogue -> Debian's flavour of it, as in linux-image-FLAVOUR. The cloud flavours are
    #: smaller and boot faster.
    flavours: Mapping[str, str]
    #: kbuild's name of the architecture (ARCH=).
    kbuild: str
    #: Prefix of its compiler in the tool root (CROSS_COMPILE=).
    compiler_prefix: str
    #: Debian packages for its tool root: compiler, emulator, firmware, those of another architecture than the host's as
    #: NAME:ARCHITECTURE. The C library's depends on the host.
    packages: tuple[str, ...]

    # -- How its guests run
    #: `uname -m` of hosts on which KVM can run them.
    host_machine: str
    #: QEMU's program in the tool root.
    qemu: str
    #: QEMU's arguments for the board.
    machine: tuple[str, ...]
    #: CPU model under emulation.
    cpu: str
    #: Guest memory in MB.
    memory: int
    #: Form of the boot image: "vmlinuz" as packaged, or "vmlinux", the ELF file inside a zstd-compressed bzImage.
    boot_image: str
    #: The kernel's name of the console.
    console_device: str
    #: QEMU's arguments for the console; the name of its chardev is "console".
    console_arguments: tuple[str, ...]
    #: QEMU device that carries virtio-serial ports. Port 0 is reserved for a console, so one port needs max_ports=2;
    #: the default of 31 would add 1 MB of rings to each snapshot.
    channel: str
    #: QEMU device that is a network card, for guests that have one.
    network: str

    # -- Where its processors are when a guest hangs
    #: Finds the program counter (group 1, hexadecimal) in the output of `info registers` of QEMU's monitor.
    program_counter: str
    #: Functions of the kernel in which an idle processor waits.
    idle: tuple[str, ...]

    # -- What not every architecture has
    #: Whether commands use it without being asked.
    default: bool = False
    #: Kernels, by their names in our catalogue, that have the nested API on this architecture.
    native: tuple[str, ...] = ()
    #: The option that user-built kernels have if they are for it, without CONFIG_. Empty: none can be run.
    config: str = ""
    #: Their boot images below the folder of a build, the preferred one first; each is also make's word for it.
    images: tuple[str, ...] = ()
    #: Options, without CONFIG_, that user-built kernels need so that the module can observe their nested API.
    native_options: tuple[str, ...] = ()
    #: The kernel's header with the arch hooks, if the native module compiles them from it.
    native_header: str = ""
    #: How long a case takes in its guests, in times of arm64's. Shards take the same time by it.
    case_cost: float = 1.0
    #: Added to the kernel's command line of every guest.
    kernel_arguments: tuple[str, ...] = ()
    #: Name -> address of places in memory that no table of symbols names.
    areas: Mapping[str, int] = {}
    #: A hypervisor that QEMU starts, and that starts the kernel: its file in the tool root, from a package of boot/.
    hypervisor: str = ""
    #: The same as an EFI program, which has its symbols.
    hypervisor_symbols: str = ""
    #: The hypervisor's command line.
    hypervisor_arguments: tuple[str, ...] = ()
    #: Finds, in what a dead machine printed last, that it only waits until it restarts; empty if it does so at once.
    last_words: str = ""
    #: Another architecture, if this one is a variant of it. It uses the packages, the lock and the users' own kernels
    #: of the other one, and each field that its file does not give.
    variant_of: str = ""

    @property
    def packages_of(self) -> str:
        """The architecture whose packages it uses: its own name, unless it is a variant."""
        return self.variant_of or self.name


_FOLDER = Path(__file__).parent / "architectures"


class _Architectures(dict[str, Architecture]):
    """Those whose files are whole."""

    def __init__(self) -> None:
        #: Name -> error of a file that is broken.
        self.broken: dict[str, SetupError] = {}
        found = []
        for file in sorted(_FOLDER.glob("*.toml")):
            try:
                found.append(read(file))
            except SetupError as error:
                self.broken[file.stem] = error
        # Those of the default run first.
        super().__init__((one.name, one) for one in sorted(found, key=lambda one: not one.default))

    def __missing__(self, name: str) -> Architecture:
        """Raise SetupError for a name whose file is broken, KeyError for an unknown one."""
        raise self.broken.get(name) or KeyError(name)


def read(file: Path) -> Architecture:
    """Return the architecture that a file describes. Raises SetupError, which names the file and the line."""
    # Few commands need an architecture.
    import tomllib

    text = file.read_text(encoding="utf-8")
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        raise SetupError(f"{file}:{place[1] if place else len(text.splitlines())}: {error}") from error
    kinds: dict[str, Any] = {
        key: get_origin(kind) or kind for key, kind in Architecture.__annotations__.items() if key != "name"
    }
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    for key, value in values.items():
        if not isinstance(value, kinds.get(key, ())):
            before = re.split(rf"^[\[\"' ]*{re.escape(key)}\b", text, maxsplit=1, flags=re.MULTILINE)[0]
            line = before.count("\n") + 1
            wrong = f"the architecture's `{key}` is {value!r}" if key in kinds else f"no architecture has a `{key}`"
            raise SetupError(f"{file}:{line}: {wrong}")
    if of := values.get("variant_of"):
        if not (whole_file := file.with_name(f"{of}.toml")).is_file():
            line = text[: text.index("variant_of")].count("\n") + 1
            raise SetupError(f"{file}:{line}: `variant_of` names `{of}`, which is no architecture")
        whole = read(whole_file)
        values = {**whole._asdict(), "default": False, **values}
        del values["name"]
    if missing := kinds.keys() - Architecture._field_defaults.keys() - values.keys():
        raise SetupError(f"{file}:1: the architecture has no {', '.join(sorted(missing))}")
    return Architecture(name=file.stem, **values)


@cache
def architectures() -> _Architectures:
    """Return the architectures by name, those of the default run first. Files that are broken are left out."""
    return _Architectures()


def architecture(name: str) -> Architecture:
    """Return one architecture. Raises UsageError for an unknown name, SetupError if its file is broken."""
    known = architectures()
    try:
        return known[name]
    except KeyError:
        guess = suggestion(name, known)
        raise UsageError(f"unknown architecture `{name}`{guess}", hint=f"there is: {', '.join(known)}") from None


def default_names() -> tuple[str, ...]:
    """Return the names of the architectures of the default run."""
    return tuple(name for name, one in architectures().items() if one.default)


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Return the architectures that a user named, in the catalogue's order; those of the default run for no name.

    Raises as `architecture` does.
    """
    named = set(names)
    for name in named - {ALL}:
        architecture(name)
    if not named:
        return default_names()
    for error in architectures().broken.values() if ALL in named else ():
        raise error
    return tuple(name for name in architectures() if ALL in named or name in named)


def machine_name(arch: str, kernel: str) -> str:
    """Return the name of a guest for a person: its architecture, and its kernel if that is not the default one."""
    return arch if kernel == DEFAULT_KERNEL else f"{arch} {kernel}"
