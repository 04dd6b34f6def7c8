# SPDX-License-Identifier: GPL-2.0-only
"""The command `survey`: runs everything on every kernel that resolves, and writes one page."""

import json
import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lazymmu.architecture import chosen
from lazymmu.provision import catalogue
from lazymmu.provision import setup as images
from lazymmu.provision.kernels import common_headers, entries, has_native
from lazymmu.provision.setup import Images
from lazymmu.reports.destination import STDOUT, targets
from lazymmu.reports.survey import page
from lazymmu.session import manifest, requests
from lazymmu.session.run import run
from lazymmu.subject.implementations import HEADER
from lazymmu.support.errors import LazymmuError

#: The file of a kernel's headers that has the functions.
_FUNCTIONS = "include/linux/pgtable.h"


@requests.shared_cache()
def survey(arguments: Namespace) -> int:
    """Run everything, and write the page. Returns the exit status of the worst run: 3, then 1, then 2."""
    pages = targets({"--page": arguments.page or STDOUT})
    made, cache, offline = datetime.now(UTC), requests.cache(), arguments.offline
    kernels = requests.packaged_kernels(arguments) if arguments.kernel else list(catalogue.kernels().values())
    arches = chosen(arguments.arch)
    found = [
        images.available(cache, kernel, [a for a in arches if a in kernel.flavours], offline=offline, again=not offline)
        for kernel in kernels
    ]
    usable = [one for one in found if one.kernels]
    if not usable:
        reasons = [reason for one in found for reason in one.refused.values()]
        raise LazymmuError("\n".join(["no kernel is available:", *(f"    {reason}" for reason in reasons)]))
    header, origin = _header(usable)
    statuses: list[int] = []
    results: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="lazymmu-survey-") as scratch:
        for one in usable:
            for given in [{}] if header is None else [{}, {"header": str(header), "impl": [HEADER]}]:
                file = Path(scratch) / f"{len(statuses)}.json"
                statuses.append(run(_arguments(arguments, one, given, file)))
                if file.exists():
                    results += json.loads(file.read_bytes())["results"]
    text = page(
        results,
        [entry.to_json() for kernel in kernels for entry in entries(cache, kernel)],
        header=origin,
        qemu=next(iter(usable[0].qemu.values())),
        commit=str(manifest.commit()),
        made=made,
    )
    for target in pages.values():
        target.write(text)
    return next((status for status in (130, 3, 1, 2) if status in statuses), 0)


def _arguments(arguments: Namespace, prepared: Images, given: Mapping[str, Any], file: Path) -> Namespace:
    """Return the arguments of one run: all revisions, on every architecture for which a kernel is there."""
    name = next(iter(prepared.kernels.values())).name
    arches = [arch for arch in prepared.kernels if arch in (arguments.arch or prepared.kernels)]
    own = {"command": "run", "api": ["all"], "kernel": [name], "arch": arches, "json": str(file), "quiet": True}
    words = [f"--{flag}={value}" for flag, value in {**own, **given}.items() if flag != "command"]
    return Namespace(**{**vars(arguments), **own, **given, "command_line": ["run", *words]})


def _header(usable: Sequence[Images]) -> tuple[Path | None, str]:
    """Return the header of the first kernel that has the functions, and its description; None if there is none."""
    for one in usable:
        for installed in one.kernels.values():
            if has_native(installed):
                folder = common_headers(installed)
                version = installed.release.release.partition("-")[0]
                return folder / _FUNCTIONS, f"the text of {_FUNCTIONS} of Linux {version}"
    return None, "missing, because no kernel has such a text"
