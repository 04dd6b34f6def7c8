// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that a CPU refuses; on architectures without one, the function does nothing. */
#include "faults.h"

/* arm64 does not trap: the result is 0. */
static void fault_divide(void)
{
	sink = sink / (unsigned long)zero;
}

static void fault_illegal(void)
{
#if defined(CONFIG_X86)
	asm volatile("ud2");
#elif defined(CONFIG_ARM64)
	asm volatile(".inst 0x00000000");
#elif defined(CONFIG_S390)
	asm volatile(".short 0x0000");
#elif defined(CONFIG_RISCV)
	asm volatile("unimp");
#elif defined(CONFIG_PPC)
	asm volatile(".long 0x00000000");
#endif
}

/* No stack for the CPU's first exception */
static void fault_double_fault(void)
{
#if defined(CONFIG_X86)
	asm volatile("mov $0x1000, %%rsp\n\t"
		     "push %%rax" : : : "memory");
#endif
}

static void fault_specification(void)
{
#if defined(CONFIG_S390)
	/* DLGR with an odd first register */
	asm volatile(".insn rre,0xb9870000,%%r1,%%r2" : : : "1", "2", "cc");
#endif
}

static void fault_addressing(void)
{
#if defined(CONFIG_S390)
	/* Store to a real address far beyond the end of memory */
	asm volatile("stura %0,%1" : : "d" (0UL), "a" (1UL << 50) : "memory");
#endif
}

const struct fault traps[] = {
	{ "divide", fault_divide },
	{ "illegal", fault_illegal },
	{ "double_fault", fault_double_fault },
	{ "specification", fault_specification },
	{ "addressing", fault_addressing },
	{ }
};
