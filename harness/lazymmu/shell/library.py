# SPDX-License-Identifier: GPL-2.0-only
"""The library for a shell's guest: an archive of programs, with the reports that the model predicts.

A guest has neither Python nor the YAML files. The archive has a compressed archive for each revision, because an
emulated guest takes seconds to unpack all of them. In it, each scenario has a folder, in which `run-scenario`
(guest/shell) looks.
"""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from lazymmu.guests.machine import GuestFile, Machine
from lazymmu.provision.cache import digest_files, whole
from lazymmu.provision.keys import digest
from lazymmu.results.result import Unit
from lazymmu.support.errors import ScenarioError, SetupError
from lazymmu.support.project import IMAGES, LIBRARY, PACKAGE

# The path that guest/shell/run-scenario opens.
_IN_GUEST = "/lazymmu/cases.tar"
# The same for what only one shell has.
_OWN_IN_GUEST = "/lazymmu/own.tar"
# The fastest level. At any level, the texts shrink to a twentieth.
_LEVEL = 1
_NEEDS = 4_000_000
# The code that makes programs and predictions.
_MAKERS = (
    *("protocol", "subject", "scenario", "shell", "architecture.py"),
    *("session/selection.py", "session/prepared_unit.py"),
)


def with_library(machine: Machine) -> Machine:
    """Return the machine with the library in its guests, or without it if a scenario has a mistake. Raises SetupError.

    The archive is made again if a scenario or the code has changed.
    """
    cache, arch = machine.images.cache, machine.boot.architecture.name
    key = _key(arch)

    def build(target: Path) -> None:
        # They are slow to load, and not needed if the archive exists.
        from lazymmu.scenario import load
        from lazymmu.session.selection import Selection, units

        selection = Selection(arches=(arch,), apis=("all",))
        target.write_bytes(archive(units(load([], LIBRARY), selection)))
        if _key(arch) != key:
            raise SetupError("the library changed while it was read", hint="run the same command again")

    path = machine.boot.sandbox.root / "lazymmu" / "libraries" / f"{key}.tar"
    built_before = machine.built_before and whole(path)
    try:
        content = cache.obtain(path, f"library for a guest on {machine.name}", build, needs=_NEEDS).read_bytes()
    except ScenarioError as error:
        cache.progress.say(f"run-scenario has nothing to run: {error}")
        # Without a library no snapshot is kept.
        return replace(machine, built_before=False)
    file = GuestFile(_IN_GUEST, 0o600, content, key)
    return replace(machine, built_before=built_before, files=(*machine.files, file))


def file_of(units: Iterable[Unit]) -> GuestFile:
    """Return the file with the programs of units that only this shell's guest has, such as those of --scenario."""
    return GuestFile(_OWN_IN_GUEST, 0o600, archive(units))


def _key(arch: str) -> str:
    """Return a digest of the scenarios and of the code that makes programs and predictions."""
    paths = [IMAGES / "kernels.yaml", *(PACKAGE / name for name in _MAKERS)]
    files = (file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path]))
    folders = [digest_files(folder) for folder in (LIBRARY, PACKAGE / "architectures")]
    return digest([arch, *folders, *(file.read_bytes() for file in files)])


def archive(units: Iterable[Unit]) -> bytes:
    """Return a tar archive of these units of one architecture, in a compressed archive for each revision."""
    from lazymmu.protocol import expected_report
    from lazymmu.session.prepared_unit import PreparedUnit

    contents: dict[str, dict[str, bytes]] = {}
    for run, prepared in enumerate(map(PreparedUnit, units), start=1):
        unit, trace = prepared.unit, prepared.prediction
        steps = sum(1 for _ in prepared.case.walk())
        about = {"api": unit.api, "personality": unit.personality, "impl": unit.impl}
        report = expected_report.lines(trace, run=run, steps=steps, **about)
        values = ",".join(f"{name}={value}" for name, value in unit.values.items())
        stem = f"{unit.api}/{unit.scenario.name.lstrip('/')}/{unit.number:05}"
        contents.setdefault(unit.api, {}).update(
            {
                f"{stem}.program": prepared.program(run),
                f"{stem}.report": "".join(f"{line}\n" for line in report).encode(),
                f"{stem}.values": f"[{values}]\n".encode() if values else b"\n",
            }
        )
    packed = {f"{api}.tar.gz": gzip.compress(_tar(files), _LEVEL, mtime=0) for api, files in contents.items()}
    return _tar(packed)


def _tar(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()
