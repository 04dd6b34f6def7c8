// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's init, and its end of the channel (docs/protocol.md, section 3). It serves requests over a virtio-serial
 * port, or over standard input and output if an SSH server started it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "channel.h"
#include "network.h"
#include "requests.h"
#include "session.h"

#define PAYLOAD_MAX	(64u * 1024 * 1024)

static _Noreturn void refuse(const char *what)
{
	channel_print("refused %s\n", what);
	channel_flush();
	for (;;)
		pause();
}

static void hello(void)
{
	struct utsname uts;

	uname(&uts);
	channel_print("hello lazymmu-agent 1 %s %s\n", uts.release, uts.machine);
}

/* The kernel's messages during a session are not forwarded, since there may be more than the log holds. */
static int serve_session(const char *arguments, const char *command, size_t len, int kmsg)
{
	run_session(arguments, command, len);
	return lseek(kmsg, 0, SEEK_END) < 0 ? errno : 0;
}

static void serve(int kmsg)
{
	char line[512], verb[8], id[32], *payload;
	struct answer answer = { 0 };
	int status, arguments = 0;
	uint32_t crc;
	size_t len;

	if (!channel_line(line, sizeof(line)))
		refuse("a line that is too long");
	if (sscanf(line, "%7s %31[0-9] %zu %" SCNx32 " %n", verb, id, &len, &crc, &arguments) != 4 ||
	    len > PAYLOAD_MAX)
		refuse("a line that is not a request");
	payload = malloc(len + 1);
	if (!payload)
		refuse("a payload that does not fit into memory");
	channel_get(payload, len);
	payload[len] = '\0';
	if (crc32(0, payload, len) != crc)
		refuse("a payload with a wrong checksum");

	if (!strcmp(verb, "load"))
		status = load_module(payload, len, line + arguments);
	else if (!strcmp(verb, "run"))
		status = start_processors() ?: run_program(id, payload, len, kmsg, &answer);
	else if (!strcmp(verb, "kunit"))
		status = run_kunit(id, payload, kmsg);
	else if (!strcmp(verb, "read"))
		status = send_file(payload);
	else if (!strcmp(verb, "wake"))
		status = wake(payload, len);
	else if (!strcmp(verb, "settle"))
		status = settle();
	else if (!strcmp(verb, "listen"))
		status = start_processors() ?: listen_ssh(payload, len, kmsg);
	else if (!strcmp(verb, "write"))
		status = write_file(line + arguments, payload, len);
	else if (!strcmp(verb, "session"))
		status = start_processors() ?: serve_session(line + arguments, payload, len, kmsg);
	else
		refuse("an unknown request");
	free(payload);
	if (!strcmp(verb, "wake"))
		hello();

	forward_log(kmsg, &answer);
	channel_print("done %s %d %u %08" PRIx32 "\n", id, status, answer.records, answer.crc);
	channel_flush();
}

static void mount_all(void)
{
	static const char *const mounts[][2] = {
		{ "devtmpfs", "/dev" }, { "proc", "/proc" }, { "sysfs", "/sys" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL) && errno != EBUSY)
			die(mounts[i][1]);
}

/* Skips the kernel's log up to the record `next`, the first to forward. */
static int skip_log(int kmsg, uint64_t next)
{
	char record[RECORD_MAX];
	uint64_t number;

	if (lseek(kmsg, 0, SEEK_SET) < 0)
		return -1;
	do {
		ssize_t n = read(kmsg, record, sizeof(record) - 1);

		if (n < 0)
			return -1;
		record[n] = '\0';
		if (sscanf(record, "%*u,%" SCNu64, &number) != 1)
			return -1;
	} while (number + 1 < next);
	return 0;
}

static _Noreturn void serve_all(int kmsg)
{
	start_progress();
	hello();
	channel_flush();
	for (;;)
		serve(kmsg);
}

/*
 * `lazymmu-agent NEXT`, given to root's login shell or called by name, serves over standard input and output. It
 * forwards the kernel's log from the record NEXT on.
 */
static _Noreturn void serve_stdio(int kmsg, int argc, char *argv[])
{
	const char *command = argc > 1 ? argv[argc - 1] : "";
	uint64_t next;

	if (sscanf(command, "lazymmu-agent %" SCNu64, &next) != 1 && sscanf(command, "%" SCNu64, &next) != 1) {
		fprintf(stderr, "there is no shell in this guest\n");
		exit(127);
	}
	if (skip_log(kmsg, next))
		die("the beginning of the kernel's log");
	channel_stdio();
	open_module();
	serve_all(kmsg);
}

int main(int argc, char *argv[])
{
	bool init = getpid() == 1;
	int kmsg;

	if (init) {
		mount_all();
		prepare_sessions();
	}
	/* Programs run on CPU 0. The thread that reports their progress has CPU 1. */
	stay_on_cpu(0, 0);
	kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	open_taint();
	if (!init)
		serve_stdio(kmsg, argc, argv);
	open_random();
	network_open();
	channel_open();
	serve_all(kmsg);
}
