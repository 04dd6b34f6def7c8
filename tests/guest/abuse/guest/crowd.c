// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several writers and readers at the same time on both processors, some of them
 * killed in the middle.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abuse.h"

#define WRITERS		4
#define VICTIMS		20
/* The writers go on until so many were killed beside them. */
#define VICTIMS_LEAST	2
/* Seeds of their own, beside that of the programs. */
#define STREAM(n)	(1000000u + (n))

static void run_on(unsigned int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
}

/* Shared by all: the writers may end when they are done. */
static volatile bool *enough;

/* Returns 0 when the device gave only answers that it may. */
static int write_and_read(uint64_t seed, unsigned int programs, struct text *text)
{
	int fd = open(DEVICE, O_RDWR);
	char piece[64];

	for (unsigned int i = 0; i < programs || !*enough; i++) {
		struct chance c = chance_of(seed, i);
		ssize_t n;

		generate(text, &c);
		n = write(fd, text->s, text->len);
		if (n != (ssize_t)text->len && !(n < 0 && errno == EINVAL))
			return errno;
		while (n > 0 && !one_in(&c, 4))
			n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno != EINVAL)
			return errno;
	}
	close(fd);
	return 0;
}

static pid_t start(uint64_t seed, unsigned int cpu, unsigned int programs, struct text *text)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		run_on(cpu);
		_exit(write_and_read(seed, programs, text));
	}
	return pid;
}

/* Has the programs written by all writers at the same time; their reports tear each other, which is theirs to bear. */
void crowd(uint64_t seed, unsigned int programs, struct text *text, struct records *records)
{
	struct chance c = chance_of(seed, STREAM(0));
	pid_t victim = 0;
	unsigned int left = WRITERS, killed = 0, refused = 0, looks = 0;
	int status;

	enough = mmap(NULL, sizeof(*enough), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (enough == MAP_FAILED)
		die("mmap");
	for (unsigned int n = 0; n < WRITERS; n++)
		start(seed + STREAM(n), n % 2, programs / WRITERS, text);
	while (left || victim) {
		pid_t ended;

		if (!victim && killed < VICTIMS)
			victim = start(seed + STREAM(WRITERS + killed), killed % 2, UINT32_MAX, text);
		usleep(below(&c, 20000));
		if (victim && kill(victim, SIGKILL))
			die("kill");
		while ((ended = waitpid(-1, &status, victim ? 0 : WNOHANG)) > 0) {
			if (ended == victim) {
				victim = 0;
				killed++;
				*enough = killed >= VICTIMS_LEAST;
				continue;
			}
			left--;
			refused += status != 0;
		}
		records_clear(records);
		log_take(records);
		/* The host listens for a sign of life. */
		if (++looks % 100 == 0) {
			tell("", 0, "crowded %u", left);
			tell_now();
		}
	}
	tell("", 0, "crowd %u %u %u", WRITERS, refused, killed);
}
