# SPDX-License-Identifier: GPL-2.0-only
"""Lines that only arm64 prints. Sources: arch/arm64/mm/fault.c, arch/arm64/kernel/{traps,process,setup}.c."""

from lazymmu.guests.findings.row import deadly, die

NAME = "arm64"

ROWS = (
    deadly("stack-overflow", r"Insufficient stack space to handle exception!", "kernel stack overflow"),
    deadly("serror", r"SError Interrupt on CPU(?P<cpu>\d+), code ", "SError on CPU {cpu}{where}"),
    deadly("bad-mode", r"Bad mode in (?P<what>.+?) handler detected", "bad mode: {what}{where}"),
    deadly("bad-mode", r"Unhandled (?P<what>64-bit el1\w \w+|.{1,40}?) exception on CPU\d+", "{what}{where}"),
    die("illegal-instruction", r"Internal error: Oops - Undefined instruction: ", "illegal instruction{where}"),
    die(
        "oops", r"Internal error: (?P<what>.+?)(?:: [0-9a-f]{8,16} \[#\d+\].*)?$", "oops: {what}{where}", fallback=True
    ),
)

DUMP = (
    r"pstate: |[pl][cr] : |sp : |x\d+ ?: |Mem abort info:|Data abort info:|(?:user|swapper) pgtable: |\[[0-9a-f]{16}\]",
    r"PHYS_OFFSET: |CPU features: |Memory Limit: |pmr_save: |ESR: |FAR: |(?:Task|IRQ|Overflow) stack: ",
)
PROGRAM_COUNTER = r"pc : "
