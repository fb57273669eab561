// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's PID 1, and its guest's: set the system up, run one command,
 * hand its output, its status and what it left in /out to the runner, and
 * power off.
 *
 * The runner leaves its orders in /.machine/orders: records that end with
 * NUL and begin with a letter: C the working directory, E an environment
 * variable, A an argument of the command, O if /out is wanted, S if standard
 * error is to be kept apart from standard output.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"

#define ORDERS "/.machine/orders"

struct orders {
	char **argv;
	char **envp;
	const char *cwd;
	int want_out;
	int split;
};

static const struct {
	const char *type;
	const char *where;
	const char *options;
} mounts[] = {
	{ "devtmpfs", "/dev", NULL },
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "devpts", "/dev/pts", "mode=620" },
	{ "tmpfs", "/dev/shm", NULL },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
	{ "debugfs", "/sys/kernel/debug", NULL },
	{ "tracefs", "/sys/kernel/tracing", NULL },
};

static void complain(const char *format, ...)
{
	char text[512];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size >= (int)sizeof(text))
		size = sizeof(text) - 1;
	channel_send(CHANNEL_ERROR, text, (size_t)size);
}

/* The runner sees an end without a status, and says that the machine died. */
static void give_up(const char *what)
{
	complain("init: %s: %s\n", what, strerror(errno));
	channel_power_off();
	_exit(1);
}

/* A kernel without one of them is no error: its command finds it missing. */
static void mount_all(void)
{
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0,
		      mounts[i].options);
	}
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFFLAGS, &request)) {
		request.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
}

static char *read_orders(size_t *size)
{
	struct stat status;
	ssize_t got;
	char *text;
	int fd = open(ORDERS, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status))
		give_up(ORDERS);
	text = malloc((size_t)status.st_size + 1);
	if (!text)
		give_up(ORDERS);
	got = read(fd, text, (size_t)status.st_size);
	if (got != status.st_size)
		give_up(ORDERS);
	text[got] = '\0';
	close(fd);
	*size = (size_t)got;
	return text;
}

/* There are never more arguments or variables than there are records. */
static void parse_orders(struct orders *orders, char *text, size_t size)
{
	size_t records = 0, args = 0, vars = 0;
	char *at;

	for (at = text; at < text + size; at += strlen(at) + 1)
		records++;
	orders->argv = calloc(records + 1, sizeof(char *));
	orders->envp = calloc(records + 1, sizeof(char *));
	if (!orders->argv || !orders->envp)
		give_up(ORDERS);
	for (at = text; at < text + size; at += strlen(at) + 1) {
		if (*at == 'A')
			orders->argv[args++] = at + 1;
		else if (*at == 'E')
			orders->envp[vars++] = at + 1;
		else if (*at == 'C')
			orders->cwd = at + 1;
		else if (*at == 'O')
			orders->want_out = 1;
		else if (*at == 'S')
			orders->split = 1;
	}
}

/* In the child: what cannot be started ends as a shell would end it. */
static void run_command(const struct orders *orders, int output, int error)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(null, 0);
	dup2(output, 1);
	dup2(orders->split ? error : output, 2);
	if (chdir(orders->cwd))
		dprintf(2, "init: %s: %s\n", orders->cwd, strerror(errno));
	environ = orders->envp;
	execvp(orders->argv[0], orders->argv);
	dprintf(2, "init: %s: %s\n", orders->argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int exit_status(int status)
{
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* Send what there is; 0 at the end of file or when there is no more now. */
static int forward(int fd, enum channel channel)
{
	static char buffer[65536];
	ssize_t got = read(fd, buffer, sizeof(buffer));

	if (got <= 0)
		return 0;
	channel_send(channel, buffer, (size_t)got);
	return 1;
}

/* Reap everybody; 1 if @wanted was among them, with its *@status. */
static int reap(pid_t wanted, int *status)
{
	int found = 0, one;
	pid_t pid;

	while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
		if (pid == wanted) {
			*status = one;
			found = 1;
		}
	}
	return found;
}

/* Forward what came; a pipe that nobody can write to any more is done with. */
static void take(struct pollfd *fd, enum channel channel)
{
	if (fd->revents && !forward(fd->fd, channel) &&
	    (fd->revents & POLLHUP))
		fd->fd = -1;
}

/* A daemon may hold a pipe open for ever: the command's end is the end. */
static int pump(pid_t pid, int output, int error, int signals)
{
	struct pollfd fds[] = {
		{ .fd = output, .events = POLLIN },
		{ .fd = error, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	int status = 0;

	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			give_up("poll");
		take(&fds[0], CHANNEL_OUTPUT);
		take(&fds[1], CHANNEL_CONSOLE);
		if (!(fds[2].revents & POLLIN))
			continue;
		if (read(signals, &info, sizeof(info)) < 0)
			continue;
		if (reap(pid, &status))
			break;
	}
	while (forward(output, CHANNEL_OUTPUT))
		;
	while (forward(error, CHANNEL_CONSOLE))
		;
	return exit_status(status);
}

/* Make a pipe that is read without waiting. */
static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK))
		give_up("pipe");
}

static int run(const struct orders *orders)
{
	int output[2], error[2], signals;
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_CLOEXEC);
	if (signals < 0)
		give_up("signalfd");
	make_pipe(output);
	make_pipe(error);
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid)
		run_command(orders, output[1], error[1]);
	close(output[1]);
	close(error[1]);
	return pump(pid, output[0], error[0], signals);
}

/* Nobody may write to /out any more while it is packed. */
static void kill_others(void)
{
	int status;

	kill(-1, SIGKILL);
	while (waitpid(-1, &status, 0) > 0)
		;
}

static void send_out(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		give_up("pipe");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid) {
		dup2(ends[1], 1);
		execl("/bin/busybox", "tar", "-c", "-C", "/out", ".", NULL);
		_exit(127);
	}
	close(ends[1]);
	while (forward(ends[0], CHANNEL_TAR))
		;
	close(ends[0]);
}

int main(void)
{
	struct orders orders = { .cwd = "/" };
	unsigned char status;
	size_t size;
	char *text;

	mount_all();
	if (channel_open()) {
		perror("init: the channel to the runner");
		return 1;
	}
	loopback_up();
	sethostname("machine", 7);
	mkdir("/out", 0755);
	text = read_orders(&size);
	parse_orders(&orders, text, size);
	if (!orders.argv[0])
		give_up("no command in " ORDERS);
	status = (unsigned char)run(&orders);
	kill_others();
	if (orders.want_out)
		send_out();
	channel_send(CHANNEL_STATUS, &status, 1);
	channel_power_off();
	reboot(RB_POWER_OFF);
	return 1;
}
