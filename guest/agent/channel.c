// SPDX-License-Identifier: GPL-2.0-only
/* The channel to the harness: a virtio-serial port, or a pair of pipes, with a buffer for each direction. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

#define PORT_NAME	"lazymmu"

struct channel {
	int fd, out_fd;
	bool pipes;		/* the agent exits when the host closes them */
	char in[CHUNK];
	size_t in_pos, in_len;
	char out[CHUNK];
	size_t out_len;
};

static struct channel channel = { .fd = -1, .out_fd = -1 };
static uint32_t crc_table[256];

static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0);
		crc_table[i] = c;
	}
}

uint32_t crc32(uint32_t crc, const char *data, size_t len)
{
	crc = ~crc;
	while (len--)
		crc = crc_table[(crc ^ (unsigned char)*data++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

_Noreturn void die(const char *what)
{
	fprintf(stderr, "lazymmu-agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * While the host end of the port is closed, every read() returns 0 at once. The driver sends SIGIO when the connection
 * changes. SIGIO is blocked, so one that comes between poll() and sigwaitinfo() is not lost.
 */
static void wait_for_host(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	for (;;) {
		struct pollfd p = { .fd = channel.fd, .events = POLLIN | POLLOUT };

		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP))
			return;
		sigwaitinfo(&set, NULL);
	}
}

void channel_flush(void)
{
	size_t done = 0;

	while (done < channel.out_len) {
		ssize_t n = write(channel.out_fd, channel.out + done, channel.out_len - done);

		if (n > 0)
			done += n;
		else if (n < 0 && errno != EINTR)
			die("write to the channel");
	}
	channel.out_len = 0;
}

void channel_put(const char *data, size_t len)
{
	while (len) {
		size_t n = CHUNK - channel.out_len;

		if (n > len)
			n = len;
		memcpy(channel.out + channel.out_len, data, n);
		channel.out_len += n;
		data += n;
		len -= n;
		if (channel.out_len == CHUNK)
			channel_flush();
	}
}

__attribute__((format(printf, 1, 2)))
void channel_print(const char *fmt, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	channel_put(line, n);
}

/* Waits until the buffer has at least one byte from the host. */
static void channel_fill(void)
{
	while (channel.in_pos == channel.in_len) {
		ssize_t n = read(channel.fd, channel.in, CHUNK);

		channel.in_pos = 0;
		channel.in_len = n > 0 ? n : 0;
		if (n == 0 && channel.pipes)
			exit(0);
		else if (n == 0)
			wait_for_host();
		else if (n < 0 && errno != EINTR)
			die("read from the channel");
	}
}

void channel_get(char *data, size_t len)
{
	while (len) {
		size_t n;

		channel_fill();
		n = channel.in_len - channel.in_pos;
		if (n > len)
			n = len;
		memcpy(data, channel.in + channel.in_pos, n);
		channel.in_pos += n;
		data += n;
		len -= n;
	}
}

bool channel_line(char *line, size_t size)
{
	size_t len = 0;
	char c;

	for (;;) {
		channel_get(&c, 1);
		if (c == '\n')
			break;
		if (len < size)
			line[len++] = c;
	}
	if (len == size)
		return false;
	line[len] = '\0';
	return true;
}

int channel_fd(void)
{
	return channel.fd;
}

bool channel_buffered(void)
{
	return channel.in_pos < channel.in_len;
}

/* Opens the port of the name PORT_NAME; returns -1 if there is none yet. */
static int find_port(void)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	int fd = -1;

	while (ports && fd < 0 && (entry = readdir(ports))) {
		char path[sizeof("/sys/class/virtio-ports//name") + sizeof(entry->d_name)];
		char name[64] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%63s", name) == 1 && !strcmp(name, PORT_NAME)) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(f);
	}
	if (ports)
		closedir(ports);
	return fd;
}

int wait_for_device(int (*look)(void), const char *what)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int found, events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	char event[4096];

	if (events < 0 || bind(events, (struct sockaddr *)&addr, sizeof(addr)))
		die("listen for devices");
	while ((found = look()) < 0)
		if (recv(events, event, sizeof(event), 0) < 0 && errno != ENOBUFS && errno != EINTR)
			die(what);
	close(events);
	return found;
}

void channel_open(void)
{
	sigset_t set;

	crc_init();
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	channel.fd = channel.out_fd = wait_for_device(find_port, "wait for the port " PORT_NAME);
	if (fcntl(channel.fd, F_SETOWN, getpid()) || fcntl(channel.fd, F_SETFL, O_RDWR | O_ASYNC))
		die("ask for SIGIO");
	wait_for_host();
}

void channel_stdio(void)
{
	crc_init();
	channel.fd = STDIN_FILENO;
	channel.out_fd = STDOUT_FILENO;
	channel.pipes = true;
}
