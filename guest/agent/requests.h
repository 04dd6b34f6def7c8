/* SPDX-License-Identifier: GPL-2.0-only */
/* What the harness can ask for; each function does one request and returns 0 or an errno. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One record of /dev/kmsg is at most this long (the kernel's CONSOLE_EXT_LOG_MAX). */
#define RECORD_MAX	8192

/* One answer as it grows: what its closing line will say. */
struct answer {
	unsigned int records;
	uint32_t crc;
};

/* Forwards the kernel's log as far as it goes now. A record that was overwritten shows as a gap in the numbers. */
void forward_log(int kmsg, struct answer *answer);

int load_module(const char *image, size_t len, const char *parameters);

/* Opens the module's device, and what it tells of itself; the agent that loads it has done so. */
void open_module(void);

/* Opens what says of what the kernel complained. */
void open_taint(void);

/* Runs a program, whose request has this number; the end of its report is in the log, and is not forwarded yet. */
int run_program(const char *id, const char *program, size_t len, int kmsg, struct answer *answer);

/* Keeps a thread (0: this one) on one CPU. */
void stay_on_cpu(pid_t pid, int cpu);

/* Starts to tell the harness, while programs run, how far they are; from then on this thread owns the channel. */
void start_telling(void);

/* Sends the content of a file of the guest. */
int send_file(const char *path);

/*
 * A guest that was restored has the time at which it was saved, and would draw the random numbers that every other one
 * draws: `payload` brings the host's time in nanoseconds since 1970, a newline, and random bytes.
 */
int wake(const char *payload, size_t len);

/* Opens what takes them. */
void open_random(void);

/*
 * Makes what a snapshot holds small: caches are dropped, and free memory is filled with zeros, for the kernel clears
 * what it gives to a process.
 */
int settle(void);

#endif
