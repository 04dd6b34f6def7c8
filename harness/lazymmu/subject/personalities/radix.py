# SPDX-License-Identifier: GPL-2.0-only
"""ppc64 with the radix MMU, which a POWER9 or later has: the mode is off at run time (docs/semantics.md, "radix").

The kernel's hooks are those of the hash MMU, and return at once
(arch/powerpc/include/asm/book3s/64/tlbflush-hash.h, radix_enabled()).
"""

from lazymmu.subject.personality import Count, PersonalityModel, Task, nothing

NAME = "radix"
COUNTERS = ()
NATIVE_FLAGS = ()


class Radix(PersonalityModel):
    """Stores at once, and owes nothing."""

    native_table = True

    def __init__(self, memory: list[int], count: Count) -> None:
        super().__init__(memory, count)
        self.hooks = dict.fromkeys("ewfl", nothing)
        self.outstanding: tuple[int, ...] = ()

    def write(self, _task: Task, index: int, value: int, *, active: bool) -> bool:
        """Store the value. No write is deferred."""
        self.memory[index] = value
        return False


MODEL = Radix
