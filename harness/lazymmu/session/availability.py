# SPDX-License-Identifier: GPL-2.0-only
"""Units that cannot be run: their kernel has no such implementation, or their machine is not available.

Such a unit is a skip if a default selected it, and an error if the user named the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from lazymmu.provision import catalogue
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.setup import Images
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.selection import Selection
from lazymmu.subject.implementations import NATIVE
from lazymmu.support.errors import SetupError


class Unavailable(Struct, frozen=True):
    """Why units cannot be run."""

    reason: str
    #: True if the user named the cause.
    is_named: bool

    def result(self, unit: Unit) -> Result:
        """Return the result of such a unit."""
        if self.is_named:
            return PreparedUnit(unit).failed(SetupError(self.reason))
        return Result.of(unit, Outcome.SKIP, self.reason)


def without_implementation(unit: Unit, selection: Selection) -> Unavailable | None:
    """Return why a unit has no implementation to test; None if it has one."""
    kernel = catalogue.kernel(unit.kernel)
    if unit.impl != NATIVE or unit.arch in kernel.native:
        return None
    causes = list(_causes(kernel, unit.arch))
    is_named = bool({name for name, _ in causes} & {*selection.kernels, *selection.arches})
    return Unavailable("; ".join(reason for _, reason in causes), is_named)


def _causes(kernel: Kernel, arch: str) -> Iterator[tuple[str, str]]:
    """Yield each cause, a kernel or an architecture, with the reason."""
    if not kernel.native:
        yield kernel.name, f"kernel {kernel.name} has no nested lazy MMU mode of its own: that came with Linux 7.0"
    if not any(arch in other.native for other in catalogue.kernels().values()):
        yield arch, f"{arch} has none of its own in any kernel of images/kernels.yaml"
    elif kernel.native:
        reason = f"kernel {kernel.name} has no nested lazy MMU mode of its own on {arch}"
        yield from ((kernel.name, reason), (arch, reason))


def without_machine(images: Iterable[Images], selection: Selection) -> Mapping[tuple[str, str], Unavailable]:
    """Return (architecture, kernel) -> why that machine is not available.

    It is an error if the architecture was named, or if the kernel is available for no architecture.
    """
    return {
        (arch, some.name): Unavailable(
            f"guests for {arch} are not available: {reason}", is_named=arch in selection.arches or not some.kernels
        )
        for some in images
        for arch, reason in some.refused.items()
    }
