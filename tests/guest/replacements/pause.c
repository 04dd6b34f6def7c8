// SPDX-License-Identifier: GPL-2.0-only
/* A malloc() that never returns. */
#include <unistd.h>

void *replacement(unsigned long size)
{
	while (size)
		pause();
	return NULL;
}
