// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts the processors that the kernel left alone.
 *
 * QEMU 10 does not save which processors of a pseries board were started (env->quiesced), so
 * in a restored guest they get no interrupts. There the kernel boots with maxcpus=1, and the
 * second processor is started after the guest was restored, before anything needs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "requests.h"

int start_processors(void)
{
#ifdef __powerpc64__
	static bool started;
	int fd, status = 0;

	if (started)
		return 0;
	fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, "1", 1) != 1)
		status = errno;
	close(fd);
	started = !status;
	return status;
#else
	return 0;
#endif
}
