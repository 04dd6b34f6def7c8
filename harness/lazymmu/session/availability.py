# SPDX-License-Identifier: GPL-2.0-only
"""What was selected and cannot be run: an implementation that a kernel does not have, a kernel that cannot be had.

Only what was implied by a default may be skipped: it is an error when what is to blame was asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from lazymmu.provision import catalogue
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.setup import Images
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.selection import Selection
from lazymmu.session.unit_results import without_report
from lazymmu.subject.implementations import NATIVE
from lazymmu.support.errors import SetupError


class Absence(Struct, frozen=True):
    """Why units cannot be run."""

    reason: str
    #: Whether what is to blame was asked for by name.
    named: bool

    def result(self, unit: Unit) -> Result:
        """Return the result of such a unit: an error or a skip."""
        if self.named:
            return without_report(unit, SetupError(self.reason))
        return Result.of(unit, Outcome.SKIP, self.reason)


def of_native(unit: Unit, selection: Selection) -> Absence | None:
    """Return why a unit has no implementation to test: its kernel has none, or its architecture has none anywhere."""
    kernel = catalogue.kernel(unit.kernel)
    if unit.impl != NATIVE or unit.arch in kernel.native:
        return None
    reasons = list(_without(kernel, unit.arch))
    blamed = {name for name, _ in reasons}
    return Absence(
        "; ".join(reason for _, reason in reasons),
        named=bool(blamed & {*selection.kernels, *selection.arches}),
    )


def _without(kernel: Kernel, arch: str) -> Iterator[tuple[str, str]]:
    """Yield what is to blame, a kernel or an architecture, with the reason."""
    if not kernel.native:
        yield kernel.name, f"kernel {kernel.name} has no nested lazy MMU mode of its own: that came with Linux 7.0"
    if not any(arch in other.native for other in catalogue.kernels().values()):
        yield arch, f"{arch} has none of its own in any kernel of images/kernels.yaml"
    elif kernel.native:
        reason = f"kernel {kernel.name} has no nested lazy MMU mode of its own on {arch}"
        yield from ((kernel.name, reason), (arch, reason))


def of_kernels(images: Sequence[Images], selection: Selection) -> Mapping[tuple[str, str], Absence]:
    """Return (architecture, kernel) -> why there is no such machine.

    It is an error where the architecture was named, and where the kernel can be had for no architecture at all.
    """
    return {
        (arch, some.name): Absence(reason, named=arch in selection.arches or not some.kernels)
        for some in images
        for arch, reason in some.refused.items()
    }
