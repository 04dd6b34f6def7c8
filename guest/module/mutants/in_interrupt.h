/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiler reads this file before each api_*.c: mutants decide what is an interrupt. */
#include "../lazymmu.h"

bool lmm_in_interrupt(void);

#undef in_interrupt
#define in_interrupt() lmm_in_interrupt()
