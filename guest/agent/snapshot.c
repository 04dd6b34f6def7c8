// SPDX-License-Identifier: GPL-2.0-only
/* The requests before a guest is saved, and after it is restored. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/random.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "requests.h"

#define ENTROPY		32	/* random bytes of a wake */
#define LEFT_FREE	512ul	/* pages not cleared, so that the kernel kills nothing */
#define PIECE		256ul	/* pages cleared at once */
/* The kernel's own reserve, lowered for a moment because it cannot be cleared */
#define RESERVE		"/proc/sys/vm/min_free_kbytes"
#define SMALL_RESERVE	"256"

/* Kept open, as the files in requests.c */
static int random_device = -1;

void open_random(void)
{
	random_device = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	if (random_device < 0)
		die("/dev/urandom");
}

int wake(const char *payload, size_t len)
{
	struct {
		struct rand_pool_info info;
		char bytes[ENTROPY];
	} entropy = { .info = { .entropy_count = ENTROPY * 8, .buf_size = ENTROPY } };
	struct timespec now;
	int64_t nanoseconds;
	int pos = 0;

	if (sscanf(payload, "%" SCNd64 "%n", &nanoseconds, &pos) != 1 || payload[pos] != '\n' ||
	    len != (size_t)pos + 1 + ENTROPY)
		return EINVAL;
	now.tv_sec = nanoseconds / 1000000000;
	now.tv_nsec = nanoseconds % 1000000000;
	if (clock_settime(CLOCK_REALTIME, &now))
		return errno;
	memcpy(entropy.bytes, payload + pos + 1, ENTROPY);
	if (ioctl(random_device, RNDADDENTROPY, &entropy) || ioctl(random_device, RNDRESEEDCRNG))
		return errno;
	return 0;
}

/* Writes a text to a file, after reading its content into `before` unless that is NULL. */
static int change(const char *path, const char *text, char *before, size_t size)
{
	int fd = open(path, (before ? O_RDWR : O_WRONLY) | O_CLOEXEC), status = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	if (before) {
		n = pread(fd, before, size - 1, 0);
		if (n < 0)
			status = errno;
		else
			before[n] = '\0';
	}
	if (!status && pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		status = errno;
	close(fd);
	return status;
}

/*
 * Clears free memory piece by piece. What is free is asked before each piece, since lists of
 * each processor and a busy kernel take pages at the same time.
 */
static int clear_free_memory(void)
{
	size_t page = sysconf(_SC_PAGESIZE), left = LEFT_FREE * page, len, cleared = 0;
	struct sysinfo info;
	int status = 0;
	char *memory;

	if (sysinfo(&info))
		return errno;
	len = info.freeram * info.mem_unit;
	memory = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return errno;
	while (!status && cleared < len && !sysinfo(&info)) {
		size_t piece = info.freeram * info.mem_unit;

		piece = piece < left + page ? 0 : piece - left;
		if (piece > PIECE * page)
			piece = PIECE * page;
		if (piece > len - cleared)
			piece = len - cleared;
		if (!piece)
			break;
		/* A small kernel may have no madvise(). */
		if (mmap(memory + cleared, piece, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_FIXED, -1, 0) == MAP_FAILED)
			status = errno;
		cleared += piece;
	}
	munmap(memory, len);
	return status;
}

int settle(void)
{
	char reserve[32];
	int status = change("/proc/sys/vm/drop_caches", "3", NULL, 0), restored;

	if (!status)
		status = change(RESERVE, SMALL_RESERVE, reserve, sizeof(reserve));
	if (status)
		return status;
	status = clear_free_memory();
	restored = change(RESERVE, reserve, NULL, 0);
	return status ? status : restored;
}
