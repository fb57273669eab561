/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that C and assembly share. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define KERNEL_CS	0x08
#define KERNEL_DS	0x10
#define SYSRET_BASE	0x18
#define USER_DS		0x23
#define USER_CS		0x2b
#define TSS_SELECTOR	0x30

#define VECTOR_DB	0x01
#define VECTOR_NMI	0x02
#define VECTOR_UD	0x06
#define VECTOR_GP	0x0d
#define VECTOR_PF	0x0e
#define VECTOR_USER_EXIT 0x40
#define VECTOR_PMI	0x50
#define VECTOR_TIMER	0x51
#define VECTOR_BARE	0x60
#define VECTOR_SPURIOUS	0xff

#define BUFFER_LINES	4096

#define LADDER_STEPS	18	/* instructions in a turn of ladder() */
#define LADDER_RAX	0xa0	/* what user_ladder() has in registers that it does not change */
#define LADDER_RBX	0xa3
#define LADDER_RBP	0xa5
#define LADDER_RSI	0xa6

#endif
