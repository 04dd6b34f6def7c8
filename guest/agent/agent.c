// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's init, and its end of the channel described in docs/protocol.md.
 *
 * It takes a module or a program over a virtio-serial port, hands it to the
 * kernel, and forwards the kernel's log until the report is complete.
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
#include "requests.h"

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
		status = run_program(id, payload, len, kmsg, &answer);
	else if (!strcmp(verb, "read"))
		status = send_file(payload);
	else if (!strcmp(verb, "wake"))
		status = wake(payload, len);
	else if (!strcmp(verb, "settle"))
		status = settle();
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

int main(void)
{
	int kmsg;

	mount_all();
	/* Programs run there, and CPU 1 is left to the thread that tells where one spins. */
	stay_on_cpu(0, 0);
	kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	channel_open();
	start_telling();
	hello();
	channel_flush();
	for (;;)
		serve(kmsg);
}
