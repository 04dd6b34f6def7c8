# SPDX-License-Identifier: GPL-2.0-only
"""Lines that only riscv64 prints. Sources: arch/riscv/mm/fault.c, arch/riscv/kernel/{traps,process}.c."""

from lazymmu.guests.findings.row import die

NAME = "riscv64"

ROWS = (
    die("illegal-instruction", r"Oops - illegal instruction \[#\d+\]", "illegal instruction{where}"),
    die("oops", r"Oops - (?P<what>.+?) \[#\d+\]", "oops: {what}{where}", fallback=True),
    die("oops", r"(?:Oops|Kernel BUG) \[#\d+\]", "oops{where}"),
)

DUMP = (r"epc : |status: ",)
PROGRAM_COUNTER = r"epc : "
