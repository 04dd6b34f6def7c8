// SPDX-License-Identifier: GPL-2.0-only
/* Network driver, address and SSH server of a guest whose archive has the folder NETWORK */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"
#include "network.h"

/* The driver's modules; their names sort in the order of loading */
#define NETWORK		"/network"
#define INTERFACE	"eth0"
/* QEMU's user network expects these. */
#define ADDRESS		"10.0.2.15"
#define NETMASK		"255.255.255.0"
#define SERVER		"/usr/sbin/dropbear"
#define HOME		"/root"
#define HOST_KEY	HOME "/host_key"
/* The server writes its process ID here when it listens. */
#define LISTENS		HOME "/listens"
#define LISTEN_TIMEOUT	10000	/* milliseconds */
#define AUTHORIZED	HOME "/.ssh/authorized_keys"

static void load_driver(const char *name)
{
	char path[sizeof(NETWORK "/") + NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), NETWORK "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		die(path);
	close(fd);
	/* The kernel has it now; a snapshot is smaller without the file. */
	unlink(path);
}

/* Sets the interface's address; returns -1 if there is no interface yet. */
static int set_address(void)
{
	struct ifreq request = { .ifr_name = INTERFACE };
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), status = -1;

	if (fd < 0)
		die("a socket");
	address->sin_family = AF_INET;
	inet_pton(AF_INET, ADDRESS, &address->sin_addr);
	if (!ioctl(fd, SIOCSIFADDR, &request)) {
		inet_pton(AF_INET, NETMASK, &address->sin_addr);
		if (ioctl(fd, SIOCSIFNETMASK, &request))
			die("the netmask of " INTERFACE);
		request.ifr_flags = IFF_UP | IFF_RUNNING;
		if (ioctl(fd, SIOCSIFFLAGS, &request))
			die("start of " INTERFACE);
		status = 0;
	} else if (errno != ENODEV) {
		die("the address of " INTERFACE);
	}
	close(fd);
	return status;
}

/* Writes a file that only root can read. */
static int put_file(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), status = 0;

	if (fd < 0)
		return errno;
	if (write(fd, data, len) != (ssize_t)len)
		status = errno ? errno : EIO;
	close(fd);
	return status;
}

/* Opens one end of a named pipe. */
static int open_pipe(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/*
 * Starts the server before its key exists, so that a snapshot has it loaded: it waits for the key, whose file is a pipe.
 * It gets new random numbers for each connection.
 */
static void start_server(void)
{
	if (mkfifo(HOST_KEY, 0600) || mkfifo(LISTENS, 0600))
		die("a pipe for " SERVER);
	switch (fork()) {
	case -1:
		die("start " SERVER);
	case 0:
		/*
		 * In the foreground (-F), with messages on the console (-E), no passwords (-s) and no forwarding (-j -k).
		 * Its name is no file, so that it forks for a connection instead of executing itself again.
		 */
		execl(SERVER, "dropbear", "-F", "-E", "-s", "-j", "-k", "-W", "1000000", "-p", ADDRESS ":22",
		      "-r", HOST_KEY, "-P", LISTENS, NULL);
		die(SERVER);
	}
}

void network_open(void)
{
	struct dirent **drivers;
	int count = scandir(NETWORK, &drivers, NULL, alphasort);

	if (count < 0)
		return;
	for (int i = 0; i < count; i++) {
		if (drivers[i]->d_name[0] != '.')
			load_driver(drivers[i]->d_name);
		free(drivers[i]);
	}
	free(drivers);
	wait_for_device(set_address, "the network interface " INTERFACE);
	start_server();
}

/* Waits until the server listens. Returns 0 or an errno. */
static int wait_for_server(void)
{
	int fd = open_pipe(LISTENS, O_RDONLY | O_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int status = poll(&p, 1, LISTEN_TIMEOUT) > 0 ? 0 : ETIMEDOUT;

	close(fd);
	return status;
}

int listen_ssh(const char *payload, size_t len, int kmsg)
{
	const char *end = memchr(payload, '\n', len);
	int status, fd;
	size_t line;

	if (!end)
		return EINVAL;
	line = end + 1 - payload;
	mkdir(HOME "/.ssh", 0700);
	status = put_file(AUTHORIZED, payload, line);
	if (status)
		return status;
	/* Waits until the server opens the pipe. */
	fd = open_pipe(HOST_KEY, O_WRONLY);
	status = write(fd, payload + line, len - line) == (ssize_t)(len - line) ? 0 : EIO;
	close(fd);
	if (!status)
		status = wait_for_server();
	if (!status && dprintf(kmsg, "<6>lazymmu-agent: listens on port 22\n") < 0)
		status = errno;
	return status;
}
