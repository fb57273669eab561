// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way out of the machine: port 0xe9, every byte of which the emulator
 * writes to its standard output.  A byte costs one iteration of REP OUTSB,
 * where a serial port would cost the time that the wire takes.
 *
 * What goes there is framed, so that what COMMAND prints can never be taken
 * for its status.
 */
#include "channel.h"

#include <stdint.h>
#include <string.h>
#include <sys/io.h>

#define DEBUG_PORT	0xe9
/* Bochs powers off when it reads the word "Shutdown" here. */
#define SHUTDOWN_PORT	0x8900

struct frame_header {
	char magic[4];
	uint8_t channel;
	uint8_t size[4];	/* little endian */
} __attribute__((packed));

/**
 * channel_open() - get at the ports
 *
 * Return: 0, or -1 with errno set
 */
int channel_open(void)
{
	if (ioperm(DEBUG_PORT, 1, 1))
		return -1;
	return ioperm(SHUTDOWN_PORT, 1, 1);
}

static void put(const void *data, size_t size)
{
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

/**
 * channel_power_off() - end the machine
 */
void channel_power_off(void)
{
	const char *word;

	for (word = "Shutdown"; *word; word++)
		outb(*word, SHUTDOWN_PORT);
}
