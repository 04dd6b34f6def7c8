// SPDX-License-Identifier: GPL-2.0-only
/* What the guest says of the module: its counters, its threads, the memory, and who may open its device. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abuse.h"

#define NOBODY	65534

static size_t content(const char *path, char *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, size - 1);

	if (fd >= 0)
		close(fd);
	data[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : 0;
}

/* What the module says of itself; the files stay open, for they are asked after each program. */
unsigned long parameter(enum parameter parameter)
{
	static const char *const names[] = { [LIVE_RUNS] = "live_runs", [LIVE_THREADS] = "live_threads" };
	static int fds[] = { -1, -1 };
	char path[128], data[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/module/lazymmu/parameters/%s", names[parameter]);
	if (fds[parameter] < 0)
		fds[parameter] = open(path, O_RDONLY | O_CLOEXEC);
	n = pread(fds[parameter], data, sizeof(data) - 1, 0);
	if (n <= 0)
		die(path);
	data[n] = '\0';
	return strtoul(data, NULL, 10);
}

/* How many of the module's kernel threads there are */
unsigned int threads(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	unsigned int found = 0;
	char path[64], name[32];

	while (processes && (entry = readdir(processes))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		content(path, name, sizeof(name));
		found += !strncmp(name, "lazymmu/", strlen("lazymmu/"));
	}
	if (processes)
		closedir(processes);
	return found;
}

void tell_memory(const char *when)
{
	static char data[8192];
	FILE *f = fopen("/proc/sys/vm/drop_caches", "we");

	/* Kernel caches of what is free already are no leak. */
	if (!f || fputs("3\n", f) < 0 || fclose(f))
		die("drop_caches");
	tell(data, content("/proc/meminfo", data, sizeof(data)), "memory %s", when);
}

/* Tells mode and owner of the device, and the errno of a normal user who opens it. */
void tell_device(void)
{
	struct stat st;
	int status;
	pid_t pid;

	if (stat(DEVICE, &st))
		die(DEVICE);
	pid = fork();
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(0);
		_exit(open(DEVICE, O_RDWR) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	tell("", 0, "device %o %u %u %d", (unsigned int)st.st_mode & 07777, st.st_uid, st.st_gid, WEXITSTATUS(status));
}
