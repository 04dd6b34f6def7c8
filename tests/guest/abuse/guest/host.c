// SPDX-License-Identifier: GPL-2.0-only
/* The way to the host: the first virtio-serial port there is. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abuse.h"

static int port = -1;
static char out[65536];
static size_t waiting;

/* Ends the guest with a panic, after the reason stands on the console. */
_Noreturn void die(const char *what)
{
	fprintf(stderr, "abuse: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* On some buses the port is found after init has started. */
void host_open(void)
{
	for (int look = 0; look < 30000; look++) {
		port = open("/dev/vport0p1", O_RDWR | O_CLOEXEC);
		if (port < 0)
			port = open("/dev/vport1p1", O_RDWR | O_CLOEXEC);
		if (port >= 0)
			return;
		usleep(1000);
	}
	die("no port");
}

static void put(const void *data, size_t len)
{
	for (const char *next = data; len; len--) {
		if (waiting == sizeof(out))
			tell_now();
		out[waiting++] = *next++;
	}
}

/* Sends what waits: the driver spins until the host has it, so this is not for each message. */
void tell_now(void)
{
	for (size_t done = 0; done < waiting;) {
		ssize_t n = write(port, out + done, waiting - done);

		if (n > 0)
			done += n;
		else if (errno != EINTR && errno != EAGAIN)
			die("write to the host");
	}
	waiting = 0;
}

void tell(const void *data, size_t len, const char *fmt, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 32, fmt, args);
	va_end(args);
	n += sprintf(line + n, " %zu\n", len);
	put(line, n);
	put(data, len);
}
