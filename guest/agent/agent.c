// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's init, and its end of the channel described in docs/protocol.md.
 *
 * It takes a module or a program over a virtio-serial port, hands it to the
 * kernel, and forwards the kernel's log until the report is complete. It knows
 * nothing of what a program or a report says.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PORT_NAME	"lazymmu"
#define MODULE_NAME	"lazymmu"
#define DEVICE		"/dev/lazymmu"
/* How many steps of the present program the module has begun. */
#define STEPS_BEGUN	"/sys/module/lazymmu/parameters/steps_begun"
/* How often the harness is told of them (nanoseconds); it waits for several before it believes in a hang. */
#define TELL_EVERY	500000000L
#define CHUNK		(64 * 1024)
/* One record of /dev/kmsg is at most this long (the kernel's CONSOLE_EXT_LOG_MAX). */
#define RECORD_MAX	8192
#define PAYLOAD_MAX	(64u * 1024 * 1024)

/* The channel to the harness, with both directions in pieces of CHUNK bytes. */
struct channel {
	int fd;
	char in[CHUNK];
	size_t in_pos, in_len;
	char out[CHUNK];
	size_t out_len;
};

/* One answer as it grows: what its closing line will say. */
struct answer {
	unsigned int records;
	uint32_t crc;
};

/* A program on its way into the module, and what became of it. */
struct job {
	int fd;
	const char *program;
	size_t len;
	int status;
};

static struct channel channel = { .fd = -1 };
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

static uint32_t crc32(uint32_t crc, const char *data, size_t len)
{
	crc = ~crc;
	while (len--)
		crc = crc_table[(crc ^ (unsigned char)*data++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

/* Ends the guest with a panic ("Attempted to kill init"), after the reason stands on the console. */
static _Noreturn void die(const char *what)
{
	fprintf(stderr, "lazymmu-agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * A port whose host end is closed answers every read() with 0 at once, so waiting for the host is
 * waiting for the SIGIO that the driver sends when the connection changes. SIGIO is blocked, so one
 * that comes between poll() and sigwaitinfo() is not lost.
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

static void channel_flush(void)
{
	size_t done = 0;

	while (done < channel.out_len) {
		ssize_t n = write(channel.fd, channel.out + done, channel.out_len - done);

		if (n > 0)
			done += n;
		else if (n < 0 && errno != EINTR)
			die("write to the channel");
	}
	channel.out_len = 0;
}

static void channel_put(const char *data, size_t len)
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
static void channel_print(const char *fmt, ...)
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

/* Waits until at least one byte from the host stands in the buffer. */
static void channel_fill(void)
{
	while (channel.in_pos == channel.in_len) {
		ssize_t n = read(channel.fd, channel.in, CHUNK);

		channel.in_pos = 0;
		channel.in_len = n > 0 ? n : 0;
		if (n == 0)
			wait_for_host();
		else if (n < 0 && errno != EINTR)
			die("read from the channel");
	}
}

static void channel_get(char *data, size_t len)
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

/* Reads a line without its newline; a longer one than the buffer is cut, and so refused later. */
static void channel_line(char *line, size_t size)
{
	size_t len = 0;
	char c;

	for (;;) {
		channel_get(&c, 1);
		if (c == '\n')
			break;
		if (len + 1 < size)
			line[len++] = c;
	}
	line[len] = '\0';
}

static _Noreturn void refuse(const char *what)
{
	channel_print("refused %s\n", what);
	channel_flush();
	for (;;)
		pause();
}

/* Forwards the kernel's log as far as it goes now. A record that was overwritten shows as a gap in the numbers. */
static void forward_log(int kmsg, struct answer *answer)
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
		/* The lines after the first are the record's device properties. */
		end = memchr(line + 2, '\n', n);
		if (!end)
			end = line + 2 + n;
		*end++ = '\n';
		channel_put(line, end - line);
		answer->crc = crc32(answer->crc, line, end - line);
		answer->records++;
	}
}

static int load_module(const char *image, size_t len, const char *parameters)
{
	if (syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK) && errno != ENOENT)
		return errno;
	return syscall(SYS_init_module, image, len, parameters) ? errno : 0;
}

/* Returns a file's content, which may have no length of its own (/proc); NULL with errno when it cannot be read. */
static char *read_file(const char *path, size_t *len)
{
	size_t room = CHUNK;
	char *data = malloc(room), *more;
	ssize_t n = -1;
	int fd;

	*len = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && data && (n = read(fd, data + *len, room - *len)) > 0) {
		*len += n;
		if (*len < room)
			continue;
		room *= 2;
		more = room <= PAYLOAD_MAX ? realloc(data, room) : NULL;
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

static int send_file(const char *path)
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

static void *write_program(void *argument)
{
	struct job *job = argument;
	ssize_t n = write(job->fd, job->program, job->len);

	if (n < 0)
		job->status = errno;
	else if ((size_t)n != job->len)
		job->status = EIO;
	return NULL;
}

static void tell_progress(void)
{
	size_t len;
	char *steps = read_file(STEPS_BEGUN, &len);

	if (steps && len)
		channel_print("at %.*s\n", (int)len - 1, steps);
	else
		channel_print("at 0\n");
	channel_flush();
	free(steps);
}

/* The program runs within write(), for as long as it takes; meanwhile the harness is told how far it is. */
static int write_and_tell(struct job *job)
{
	pthread_t thread;
	struct timespec until;
	int err;

	err = pthread_create(&thread, NULL, write_program, job);
	if (err)
		return err;
	do {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TELL_EVERY;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		err = pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until);
		if (err == ETIMEDOUT)
			tell_progress();
	} while (err == ETIMEDOUT);
	return err ? err : job->status;
}

static int run_program(const char *program, size_t len, int kmsg, struct answer *answer)
{
	struct job job = { .program = program, .len = len };
	char piece[256];
	ssize_t n;
	int status;

	job.fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (job.fd < 0)
		return errno;
	status = write_and_tell(&job);
	while (!status) {
		n = read(job.fd, piece, sizeof(piece));
		if (n < 0)
			status = errno;
		if (n <= 0)
			break;
		forward_log(kmsg, answer);
	}
	close(job.fd);
	return status;
}

static void serve(int kmsg)
{
	char line[512], verb[8], id[32], *payload;
	struct answer answer = { 0 };
	int status, arguments = 0;
	uint32_t crc;
	size_t len;

	channel_line(line, sizeof(line));
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
		status = run_program(payload, len, kmsg, &answer);
	else if (!strcmp(verb, "read"))
		status = send_file(payload);
	else
		refuse("an unknown request");
	free(payload);

	forward_log(kmsg, &answer);
	channel_print("done %s %d %u %08" PRIx32 "\n", id, status, answer.records, answer.crc);
	channel_flush();
}

/* Returns the port called PORT_NAME, or -1 while there is none. */
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

/* Some buses find their devices after init has started: look again whenever the kernel announces one. */
static int wait_for_port(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd, events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	char event[4096];

	if (events < 0 || bind(events, (struct sockaddr *)&addr, sizeof(addr)))
		die("listen for devices");
	while ((fd = find_port()) < 0)
		if (recv(events, event, sizeof(event), 0) < 0 && errno != ENOBUFS && errno != EINTR)
			die("wait for the port " PORT_NAME);
	close(events);
	return fd;
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

/* Programs run on CPU 0; when one spins there with interrupts off, the agent can still tell where. */
static void leave_cpu0(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("move to CPU 1");
}

int main(void)
{
	struct utsname uts;
	sigset_t set;
	int kmsg;

	crc_init();
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	mount_all();
	leave_cpu0();
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	channel.fd = wait_for_port();
	if (fcntl(channel.fd, F_SETOWN, getpid()) || fcntl(channel.fd, F_SETFL, O_RDWR | O_ASYNC))
		die("ask for SIGIO");
	wait_for_host();

	uname(&uts);
	channel_print("hello lazymmu-agent 1 %s %s\n", uts.release, uts.machine);
	channel_flush();
	for (;;)
		serve(kmsg);
}
