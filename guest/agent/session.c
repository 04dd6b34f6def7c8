// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session: one command, on a terminal or on pipes whose other end is on the host. The channel carries its input and
 * output in frames (docs/protocol.md, section 4).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "session.h"

#define BUSYBOX		"/bin/busybox"
#define HOME		"/root"
/* Most bytes to read after the command ended: a process that it left behind may write for ever. */
#define LAST_OUTPUT	(1024 * 1024)
#define WORDS_MAX	1024
#define FRAME_MAX	CHUNK
/* A shell's exit statuses for a program that does not start, or does not exist */
#define CANNOT_START	126
#define NOT_FOUND	127

struct session {
	pid_t child;
	int pidfd;
	/* This end of its standard streams, -1 once closed; a terminal is both `in` and `out` */
	int in, out, err;
	bool terminal;
	/* Input that it has not taken yet; no frame is read before it does */
	char input[FRAME_MAX];
	size_t pos, len;
	bool input_ended;	/* at the host's end or the command's */
};

static char *const environment[] = {
	"PATH=/bin", "HOME=" HOME, "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "ENV=/etc/shellrc", NULL,
};

void prepare_sessions(void)
{
	pid_t child;

	if (access(BUSYBOX, X_OK))
		return;
	if (mkdir("/dev/pts", 0755) && errno != EEXIST)
		die("make /dev/pts");
	if (mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666") && errno != EBUSY)
		die("mount /dev/pts");
	child = fork();
	if (child == 0) {
		execl(BUSYBOX, BUSYBOX, "--install", "-s", "/bin", (char *)NULL);
		_exit(NOT_FOUND);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		die("install " BUSYBOX);
}

int write_file(const char *arguments, const char *data, size_t len)
{
	int fd, status = 0, path = 0;
	unsigned int mode;

	if (sscanf(arguments, "%o %n", &mode, &path) != 1 || !arguments[path])
		return EINVAL;
	fd = open(arguments + path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
	if (fd < 0)
		return errno;
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0) {
			status = errno;
			break;
		}
		data += n;
		len -= n;
	}
	if (close(fd) && !status)
		status = errno;
	if (status)
		unlink(arguments + path);
	return status;
}

/* Executes the command, in the child. */
static _Noreturn void become(char **words, const char *term)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = (char **)environment;
	if (term && setenv("TERM", term, 1))
		_exit(CANNOT_START);
	if (chdir(HOME))
		perror("lazymmu-agent: " HOME);
	execvp(words[0], words);
	fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_START);
}

static int start_on_terminal(struct session *s, char **words, const struct winsize *size, const char *term)
{
	s->child = forkpty(&s->in, NULL, NULL, size);
	if (s->child < 0)
		return errno;
	if (s->child == 0)
		become(words, term);
	s->out = s->in;
	return fcntl(s->in, F_SETFL, O_NONBLOCK) || fcntl(s->in, F_SETFD, FD_CLOEXEC) ? errno : 0;
}

static int start_on_pipes(struct session *s, char **words)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return errno;
	s->child = fork();
	if (s->child < 0)
		return errno;
	if (s->child == 0) {
		setsid();
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(CANNOT_START);
		become(words, NULL);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	s->in = in[1];
	s->out = out[0];
	s->err = err[0];
	return fcntl(s->in, F_SETFL, O_NONBLOCK) || fcntl(s->out, F_SETFL, O_NONBLOCK) ||
	       fcntl(s->err, F_SETFL, O_NONBLOCK) ? errno : 0;
}

static int start(struct session *s, const char *arguments, const char *command, size_t len)
{
	char *words[WORDS_MAX + 1], term[64] = "";
	struct winsize size = { 0 };
	size_t count = 0;
	int status;

	for (size_t pos = 0; pos < len; pos += strlen(command + pos) + 1) {
		if (count == WORDS_MAX)
			return E2BIG;
		words[count++] = (char *)command + pos;
	}
	words[count] = NULL;
	if (!count)
		return EINVAL;
	s->terminal = sscanf(arguments, "terminal %hu %hu %63s", &size.ws_row, &size.ws_col, term) == 3;
	if (!s->terminal && strcmp(arguments, "pipes"))
		return EINVAL;
	status = s->terminal ? start_on_terminal(s, words, &size, term) : start_on_pipes(s, words);
	if (status)
		return status;
	s->pidfd = syscall(SYS_pidfd_open, s->child, 0);
	return s->pidfd < 0 ? errno : 0;
}

static void close_input(struct session *s)
{
	if (s->in >= 0 && !s->terminal) {
		close(s->in);
		s->in = -1;
	}
	s->len = 0;
	s->input_ended = true;
}

/* Writes waiting input to the command, as much as it takes. */
static void pass_input(struct session *s)
{
	while (s->len && s->in >= 0) {
		ssize_t n = write(s->in, s->input + s->pos, s->len);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno != EINTR) {
			close_input(s);
			return;
		}
		if (n > 0) {
			s->pos += n;
			s->len -= n;
		}
	}
	s->len = 0;
}

/* Sends what a stream has now; returns the number of bytes, 0 at its end, -1 if it has none now. */
static ssize_t pass_output(int fd, char kind)
{
	char data[16384];
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0)
		/* EIO: no process has the terminal open any more. */
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	if (n > 0) {
		channel_print("%c %zd\n", kind, n);
		channel_put(data, n);
	}
	return n;
}

/* Reads a frame into `data`; returns its kind. */
static char take_frame(char *data, size_t *len)
{
	char line[32], kind;

	if (!channel_line(line, sizeof(line)) || sscanf(line, "%c %zu", &kind, len) != 2 || *len > FRAME_MAX) {
		errno = EPROTO;
		die("a frame of a session");
	}
	channel_get(data, *len);
	return kind;
}

static void do_frame(struct session *s)
{
	static char data[FRAME_MAX + 1];
	struct winsize size = { 0 };
	size_t len;
	char kind = take_frame(data, &len);

	data[len] = '\0';
	if (kind == 'i' && len == 0) {
		close_input(s);
	} else if (kind == 'i' && !s->input_ended) {
		memcpy(s->input, data, len);
		s->pos = 0;
		s->len = len;
		pass_input(s);
	} else if (kind == 'w' && s->terminal && sscanf(data, "%hu %hu", &size.ws_row, &size.ws_col) == 2) {
		ioctl(s->in, TIOCSWINSZ, &size);
	}
}

/* Reaps children that ended; returns whether the command did. */
static bool command_ended(const struct session *s, int *status)
{
	bool ended = false;
	pid_t pid;
	int how;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		if (pid != s->child)
			continue;
		*status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
		ended = true;
	}
	return ended;
}

/* Passes input and output on until the command ends; returns its exit status. */
static int attend(struct session *s)
{
	int status = 0;

	while (!command_ended(s, &status)) {
		bool listen = !s->len;
		struct pollfd fds[] = {
			{ .fd = listen ? channel_fd() : -1, .events = POLLIN },
			{ .fd = s->pidfd, .events = POLLIN },
			{ .fd = s->out, .events = POLLIN },
			{ .fd = s->err, .events = POLLIN },
			{ .fd = s->len ? s->in : -1, .events = POLLOUT },
		};

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), listen && channel_buffered() ? 0 : -1) < 0 && errno != EINTR)
			die("wait in a session");
		if (fds[2].revents && !pass_output(s->out, 'o'))
			s->out = -1;
		if (fds[3].revents && !pass_output(s->err, 'e'))
			s->err = -1;
		if (fds[4].revents)
			pass_input(s);
		if (listen && (fds[0].revents & POLLIN || channel_buffered()))
			do_frame(s);
		channel_flush();
	}
	return status;
}

/* Sends what the command wrote before it ended. */
static void pass_last_output(int fd, char kind)
{
	for (size_t sent = 0; fd >= 0 && sent < LAST_OUTPUT;) {
		ssize_t n = pass_output(fd, kind);

		if (n <= 0)
			return;
		sent += n;
	}
}

static void finish(struct session *s)
{
	int *const fds[] = { &s->pidfd, &s->err, &s->in };

	pass_last_output(s->out, 'o');
	pass_last_output(s->err, 'e');
	if (s->out >= 0 && s->out != s->in)
		close(s->out);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
}

void run_session(const char *arguments, const char *command, size_t len)
{
	static struct session s;
	size_t ignored;
	int status;

	s = (struct session){ .pidfd = -1, .in = -1, .out = -1, .err = -1 };
	status = start(&s, arguments, command, len);
	if (status) {
		const char *why = strerror(status);

		channel_print("e %zu\nlazymmu-agent: %s\n", strlen(why) + sizeof("lazymmu-agent: "), why);
		status = CANNOT_START;
	} else {
		status = attend(&s);
	}
	finish(&s);
	channel_print("x %d\n", status);
	channel_flush();
	/* Drop what the host sent before it got the status. */
	while (take_frame(s.input, &ignored) != 'q')
		;
}
