// SPDX-License-Identifier: GPL-2.0-only
/* The requests that load a module, run a program and read a file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "requests.h"

#define MODULE_NAME	"lazymmu"
#define DEVICE		"/proc/lazymmu"
#define DEBUGFS		"/sys/kernel/debug"
#define TAINT		"/proc/sys/kernel/tainted"
#define PARAMETERS	"/sys/module/lazymmu/parameters/"
#define PROGRESS_EVERY	500000000L	/* nanoseconds between two reports of progress */
#define FILE_MAX	(64u * 1024 * 1024)

/* The module's parameters, each a file */
enum parameter {
	STEPS_BEGUN,		/* steps of the present program that have begun */
	LIVE_RUNS,		/* runs and threads that exist: 0 between programs */
	LIVE_THREADS,
	PARAMETER_COUNT,
};

static const char *const parameter_paths[PARAMETER_COUNT] = {
	[STEPS_BEGUN] = PARAMETERS "steps_begun",
	[LIVE_RUNS] = PARAMETERS "live_runs",
	[LIVE_THREADS] = PARAMETERS "live_threads",
};

/* Kept open, because an emulated guest takes longer to find a file than to use it */
static int device = -1;
static int parameter_fds[PARAMETER_COUNT] = { -1, -1, -1 };
static int taint = -1;

/* Protects the channel */
static pthread_mutex_t channel_lock = PTHREAD_MUTEX_INITIALIZER;

void forward_log(int kmsg, struct answer *answer)
{
	char line[RECORD_MAX + 3] = "k ";

	for (;;) {
		ssize_t n = read(kmsg, line + 2, RECORD_MAX);
		char *end;

		if (n < 0) {
			if (errno == EPIPE || errno == EINTR)
				continue;
			if (errno == EAGAIN)
				return;
			die("read from /dev/kmsg");
		}
		/* Further lines are the record's device properties. */
		end = memchr(line + 2, '\n', n);
		if (!end)
			end = line + 2 + n;
		*end++ = '\n';
		channel_put(line, end - line);
		answer->crc = crc32(answer->crc, line, end - line);
		answer->records++;
	}
}

static void reopen(int *fd, const char *path, int flags)
{
	if (*fd >= 0)
		close(*fd);
	*fd = open(path, flags | O_CLOEXEC);
}

void open_module(void)
{
	reopen(&device, DEVICE, O_RDWR);
	for (int i = 0; i < PARAMETER_COUNT; i++)
		reopen(&parameter_fds[i], parameter_paths[i], O_RDONLY);
}

void open_taint(void)
{
	reopen(&taint, TAINT, O_RDONLY);
}

/* Returns the parameter's value, or `otherwise` if it cannot be read. */
static unsigned int parameter(enum parameter which, unsigned int otherwise)
{
	char text[16];
	ssize_t n = pread(parameter_fds[which], text, sizeof(text) - 1, 0);

	if (n <= 0)
		return otherwise;
	text[n] = '\0';
	return strtoul(text, NULL, 10);
}

int load_module(const char *image, size_t len, const char *parameters)
{
	if (syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK) && errno != ENOENT)
		return errno;
	if (syscall(SYS_init_module, image, len, parameters))
		return errno;
	open_module();
	return 0;
}

/* Returns a new descriptor of an open file, at its start. */
static int from_start(int fd)
{
	return lseek(fd, 0, SEEK_SET) ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Returns a file's content, or NULL with errno. It does not ask for the length, which files of /proc lack. */
static char *read_file(const char *path, size_t *len)
{
	size_t room = CHUNK;
	char *data = malloc(room), *more;
	ssize_t n = -1;
	int fd;

	*len = 0;
	fd = strcmp(path, TAINT) ? open(path, O_RDONLY | O_CLOEXEC) : from_start(taint);
	while (fd >= 0 && data && (n = read(fd, data + *len, room - *len)) > 0) {
		*len += n;
		if (*len < room)
			continue;
		room *= 2;
		more = room <= FILE_MAX ? realloc(data, room) : NULL;
		if (!more)
			free(data);
		data = more;
	}
	if (fd >= 0)
		close(fd);
	if (data && n < 0) {
		free(data);
		data = NULL;
	}
	return data;
}

int send_file(const char *path)
{
	size_t len;
	char *data = read_file(path, &len);

	if (!data)
		return errno ? errno : EIO;
	channel_print("file %zu %08" PRIx32 "\n", len, crc32(0, data, len));
	channel_put(data, len);
	free(data);
	return 0;
}

/* Prints on the console which program runs, in case the guest dies of it. */
static int announce(int kmsg, const char *id)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "<4>lazymmu-agent: run %s\n", id);

	return write(kmsg, line, n) == n ? 0 : EIO;
}

/* The program runs within write(). Meanwhile the other thread may use the channel. */
static int write_program(int fd, const char *program, size_t len)
{
	ssize_t n;
	int err;

	pthread_mutex_unlock(&channel_lock);
	n = write(fd, program, len);
	err = n < 0 ? errno : (size_t)n != len ? EIO : 0;
	pthread_mutex_lock(&channel_lock);
	return err;
}

/*
 * Makes the module print its report, and forwards all pieces but the last, which the caller forwards: most reports have
 * one piece, and a system call takes an emulated guest longer than to print it.
 */
static int print_report(int kmsg, struct answer *answer)
{
	unsigned int left = 1;
	char said[64];

	while (left) {
		ssize_t n = read(device, said, sizeof(said) - 1);

		if (n < 0)
			return errno;
		said[n] = '\0';
		if (sscanf(said, "%*u lines printed, %u to come", &left) != 1)
			return EPROTO;
		if (left)
			forward_log(kmsg, answer);
	}
	return 0;
}

int run_program(const char *id, const char *program, size_t len, int kmsg, struct answer *answer)
{
	int status = announce(kmsg, id);

	if (status)
		return status;
	if (device < 0)
		return ENOENT;
	status = write_program(device, program, len);
	if (!status)
		status = print_report(kmsg, answer);
	/* It must leave nothing behind for the next program. */
	if (!status && (parameter(LIVE_RUNS, 1) || parameter(LIVE_THREADS, 1)))
		status = ENOTEMPTY;
	return status;
}

/* Runs a KUnit suite of the kernel, which prints its results into the log. */
int run_kunit(const char *id, const char *suite, int kmsg)
{
	int fd, status = announce(kmsg, id);
	char path[256];

	if (status)
		return status;
	if (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY)
		return errno;
	if ((size_t)snprintf(path, sizeof(path), DEBUGFS "/kunit/%s/run", suite) >= sizeof(path))
		return ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	status = write_program(fd, "run\n", strlen("run\n"));
	close(fd);
	return status;
}

static bool bind_to_cpu(pid_t pid, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !sched_setaffinity(pid, sizeof(cpus), &cpus);
}

/* Reports the progress of programs, from CPU 1. Between programs the main thread holds the channel. */
static void *report_progress(void *unused)
{
	const struct timespec every = { .tv_nsec = PROGRESS_EVERY };
	bool stays = false;

	for (;;) {
		/* The processor may not be running yet (processors.c). */
		stays = stays || bind_to_cpu(0, 1);
		nanosleep(&every, NULL);
		if (pthread_mutex_trylock(&channel_lock))
			continue;
		channel_print("at %u\n", parameter(STEPS_BEGUN, 0));
		channel_flush();
		pthread_mutex_unlock(&channel_lock);
	}
	return unused;
}

void stay_on_cpu(pid_t pid, int cpu)
{
	if (!bind_to_cpu(pid, cpu))
		die("stay on one CPU");
}

void start_progress(void)
{
	pthread_t thread;

	pthread_mutex_lock(&channel_lock);
	errno = pthread_create(&thread, NULL, report_progress, NULL);
	if (errno)
		die("start the thread that reports progress");
}
