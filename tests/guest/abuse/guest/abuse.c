// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's init that writes random programs to the module's device, as many as
 * its command line says, and holds every answer against what it must be:
 *
 *	init SEED PROGRAMS SAMPLE
 *
 * Each SAMPLE-th program goes to the host with its answer, which is held against
 * the model there. What is found, and how the module's state is, goes there too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abuse.h"

/* What the kernel and its allocators take once and keep is no leak. */
#define WARM_UP		1000u
/* Programs that are large enough for a leak of any of their parts to be seen in /proc/meminfo. */
#define LARGE		500u
#define LARGE_STEPS	500u
/* One part of the programs is for several writers at the same time. */
#define CROWD_PART	20u
#define TELL_EVERY	1.0
/* The kernel's second process */
#define KTHREADD	2

/* What is done with the report of a program that ran. */
enum reading { ALL, NOTHING, ONE_BYTE_EACH, BAD_ADDRESS_FIRST };

/* The answer to one program. */
struct answer {
	int status;		/* errno, 0 if it ran */
	bool unread;		/* its report waits */
	const char *fault;
};

/* How many programs ended which way. */
struct tally {
	unsigned int programs, refused, ran, unread;
};

static struct text text;
static struct records records;
static void *nowhere;
static int device = -1;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void open_device(void)
{
	if (device >= 0)
		close(device);
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		die(DEVICE);
}

/* Reads a report to its end; returns what is wrong with it. */
static const char *read_report(enum reading how)
{
	char piece[256];
	ssize_t n;

	if (how == BAD_ADDRESS_FIRST && (read(device, nowhere, 64) != -1 || errno != EFAULT))
		return "a read to nowhere that is not EFAULT";
	if (read(device, piece, 0) != 0)
		return "a read of nothing that is not 0";
	log_take(&records);
	if (records.count)
		return "lines that nobody has read";
	do {
		n = read(device, piece, how == ONE_BYTE_EACH ? 1 : sizeof(piece));
		if (n < 0)
			return "a read that fails";
		log_take(&records);
	} while (n);
	return report_fault(&records);
}

static struct answer write_text(struct chance *c)
{
	struct answer answer = { 0 };
	enum reading how = below(c, 16);
	ssize_t n;

	records_clear(&records);
	if (one_in(c, 100)) {
		open_device();
		if (write(device, nowhere, 1 + below(c, 5000)) != -1 || errno != EFAULT)
			answer.fault = "a write from nowhere that is not EFAULT";
	}
	n = write(device, text.s, text.len);
	if (n < 0 && errno == EINVAL) {
		answer.status = EINVAL;
		log_take(&records);
		answer.fault = answer.fault ?: refusal_fault(&records);
	} else if (n < 0) {
		answer.status = errno;
		answer.fault = "an errno that is none of its own";
	} else if ((size_t)n != text.len) {
		answer.fault = "only a part was written";
	} else if (how == NOTHING) {
		answer.unread = true;
	} else {
		answer.fault = answer.fault ?: read_report(how);
	}
	return answer;
}

static void tell_sample(const char *word, unsigned int number, const struct answer *answer)
{
	tell(text.s, text.len, "%s %u", word, number);
	tell(records.s, records.len, "answer %d %d", answer->status, answer->unread);
}

static void one_program(uint64_t seed, unsigned int number, unsigned int sample, struct tally *tally)
{
	struct chance c = chance_of(seed, number);
	struct answer answer;

	generate(&text, &c);
	answer = write_text(&c);
	tally->programs++;
	tally->refused += answer.status != 0;
	tally->unread += answer.unread;
	tally->ran += !answer.status;
	if (!answer.fault && parameter(LIVE_RUNS) != answer.unread)
		answer.fault = "live_runs is wrong";
	if (!answer.fault && parameter(LIVE_THREADS))
		answer.fault = "live_threads is not 0";
	if (answer.fault) {
		tell(answer.fault, strlen(answer.fault), "broken %u", number);
		tell_sample("culprit", number, &answer);
		tell_now();
	} else if (number % sample == 0) {
		tell_sample("sample", number, &answer);
	}
}

static void one_writer(uint64_t seed, unsigned int programs, unsigned int sample)
{
	struct tally tally = { 0 };
	double begin = now(), told = begin;

	for (unsigned int number = 0; number < programs; number++) {
		if (number == WARM_UP)
			tell_memory("before");
		one_program(seed, number, sample, &tally);
		if (now() - told > TELL_EVERY) {
			told = now();
			tell("", 0, "at %u", number);
			tell_now();
		}
	}
	tell("", 0, "tally %u %u %u %u %.1f", tally.programs, tally.refused, tally.ran, tally.unread, now() - begin);
}

static void tell_state(const char *when)
{
	tell("", 0, "state %s %lu %lu %u", when, parameter(LIVE_RUNS), parameter(LIVE_THREADS), threads());
}

static void leave_nothing_unread(void)
{
	if (write(device, "", 0) != -1 || errno != EINVAL)
		die("an empty program that is not refused");
}

static void many_large_programs(void)
{
	generate_long(&text, LARGE_STEPS);
	for (unsigned int i = 0; i < LARGE; i++)
		if (write(device, text.s, text.len) != (ssize_t)text.len)
			die("a large program");
	/* Without its last line it is found to be malformed only when everything is there. */
	text.len -= strlen("end\n");
	for (unsigned int i = 0; i < LARGE; i++)
		if (write(device, text.s, text.len) != -1 || errno != EINVAL)
			die("a large program without end");
	records_clear(&records);
	log_take(&records);
}

static void load(void)
{
	int fd = open("/lazymmu.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		die("init_module");
	close(fd);
}

static void set_up(void)
{
	cpu_set_t cpus;

	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		die("/dev");
	if (mount("proc", "/proc", "proc", 0, NULL) || mount("sysfs", "/sys", "sysfs", 0, NULL))
		die("/proc or /sys");
	/* Where the programs run, with the thread that makes threads: a processor that sleeps is slow to wake. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || sched_setaffinity(KTHREADD, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	/* Memory of our own must not look like the module's. */
	memset(&text, 0, sizeof(text));
	memset(&records, 0, sizeof(records));
	nowhere = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nowhere == MAP_FAILED)
		die("mmap");
}

int main(int argc, char **argv)
{
	unsigned int programs, sample;
	uint64_t seed;

	if (argc != 4)
		die("usage: init SEED PROGRAMS SAMPLE");
	seed = strtoull(argv[1], NULL, 10);
	programs = strtoul(argv[2], NULL, 10);
	sample = strtoul(argv[3], NULL, 10);

	set_up();
	host_open();
	log_open();
	load();
	tell_device();
	log_take(&records);
	open_device();
	one_writer(seed, programs, sample);
	many_large_programs();
	tell_state("alone");
	crowd(seed, programs / CROWD_PART, &text, &records);
	leave_nothing_unread();
	tell_state("crowd");
	tell_memory("after");
	close(device);
	if (syscall(SYS_delete_module, "lazymmu", O_NONBLOCK))
		die("unload the module");
	records_clear(&records);
	log_take(&records);
	tell("", 0, "done");
	tell_now();
	for (;;)
		pause();
}
