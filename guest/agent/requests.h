/* SPDX-License-Identifier: GPL-2.0-only */
/* The harness's requests. A function that serves one returns 0 or an errno. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RECORD_MAX	8192	/* bytes of a record of /dev/kmsg (Linux: CONSOLE_EXT_LOG_MAX) */

/* What the last line of a reply will say of its records */
struct answer {
	unsigned int records;
	uint32_t crc;
};

/* Forwards the kernel's log up to its end. An overwritten record leaves a gap in the numbers. */
void forward_log(int kmsg, struct answer *answer);

int load_module(const char *image, size_t len, const char *parameters);

/* Starts the processors that the kernel left alone, unless they are running. */
int start_processors(void);

/* Opens the module's file and parameters; load_module() does so, too. */
void open_module(void);

/* Opens the file of the kernel's taint. */
void open_taint(void);

/* Runs the program of the request `id`. The last piece of its report is in the log, and not forwarded yet. */
int run_program(const char *id, const char *program, size_t len, int kmsg, struct answer *answer);
int run_kunit(const char *id, const char *suite, int kmsg);

/* Binds a thread (0: the calling one) to a CPU. */
void stay_on_cpu(pid_t pid, int cpu);

/* Starts the thread that reports the progress of programs; from then on the caller holds the channel. */
void start_progress(void);

int send_file(const char *path);

/*
 * Sets the clock and the random numbers after a restore, which otherwise are those of the save, in all guests. The
 * payload has nanoseconds since 1970, a newline, and random bytes.
 */
int wake(const char *payload, size_t len);
void open_random(void);

/* Makes a snapshot small: drops caches, and fills free memory with zeros by allocating it. */
int settle(void);

#endif
