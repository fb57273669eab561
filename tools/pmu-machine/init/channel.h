/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stddef.h>

/* What a frame carries; runner/frames.py has the same letters. */
enum channel {
	CHANNEL_OUTPUT = 'o',	/* what COMMAND writes */
	CHANNEL_CONSOLE = 'c',	/* its standard error, if that is kept apart */
	CHANNEL_ERROR = 'e',	/* a message of init's own */
	CHANNEL_TAR = 't',	/* the archive of /out */
	CHANNEL_STATUS = 's',	/* COMMAND's exit status, one byte */
};

int channel_open(void);
void channel_send(enum channel channel, const void *data, size_t size);
void channel_power_off(void);

#endif /* CHANNEL_H */
