// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way out of the machine: port 0xe9, every byte of which the emulator
 * writes to its standard output.  A byte costs one iteration of REP OUTSB,
 * where a serial port would cost the time that the wire takes.
 *
 * In a guest that byte would cost a VM exit: the way out is a virtio port, and
 * the kernel's argument CHANNEL= names its device.
 *
 * What goes there is framed, so that what COMMAND prints can never be taken
 * for its status.
 */
#define _GNU_SOURCE
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <time.h>
#include <unistd.h>

#define DEBUG_PORT	0xe9
/* Bochs powers off at the word "Shutdown", QEMU exits at its first letter. */
#define SHUTDOWN_PORT	0x8900
/*
 * The places of the virtio port's queue.  The port wants 128, and QEMU's
 * virtio-mmio lets the kernel have as many as this.
 */
#define QUEUE_SIZE	1024
/* How long a guest's kernel may take to find the port, in milliseconds. */
#define PATIENCE	10000

static int port = -1;

struct frame_header {
	char magic[4];
	uint8_t channel;
	uint8_t size[4];	/* little endian */
} __attribute__((packed));

/* The kernel makes the device after init has begun. */
static int open_port(const char *path)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < PATIENCE; i++) {
		port = open(path, O_WRONLY | O_CLOEXEC);
		if (port >= 0)
			return 0;
		nanosleep(&millisecond, NULL);
	}
	return -1;
}

/**
 * channel_open() - get at the ports; /dev must be mounted
 *
 * Return: 0, or -1 with errno set
 */
int channel_open(void)
{
	const char *path = getenv("CHANNEL");

	if (ioperm(SHUTDOWN_PORT, 1, 1))
		return -1;
	return path ? open_port(path) : ioperm(DEBUG_PORT, 1, 1);
}

static void put_port(const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(port, data, size);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			data += done;
			size -= (size_t)done;
		}
	}
}

static void put(const void *data, size_t size)
{
	if (port >= 0) {
		put_port(data, size);
		return;
	}
	__asm__ volatile("rep outsb"
			 : "+S"(data), "+c"(size)
			 : "d"(DEBUG_PORT)
			 : "memory");
}

/**
 * channel_send() - send one frame
 * @channel: what it carries
 * @data: its payload
 * @size: the payload's size, less than 4 GiB
 */
void channel_send(enum channel channel, const void *data, size_t size)
{
	struct frame_header header = { .channel = (uint8_t)channel };
	int i;

	memcpy(header.magic, "\001PMU", sizeof(header.magic));
	for (i = 0; i < 4; i++)
		header.size[i] = (uint8_t)(size >> (8 * i));
	put(&header, sizeof(header));
	put(data, size);
}

/*
 * A write to the port ends when the queue has taken it.  When the queue has
 * taken as many more as it has places, QEMU has passed on what was before.
 * No byte of the filling begins a frame.
 */
static void drain(void)
{
	int i;

	for (i = 0; i < QUEUE_SIZE; i++)
		put_port("", 1);
}

/**
 * channel_power_off() - end the machine, or the guest
 */
void channel_power_off(void)
{
	const char *word;

	if (port >= 0)
		drain();
	for (word = "Shutdown"; *word; word++)
		outb(*word, SHUTDOWN_PORT);
}
