/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's end of the line to the harness, and the checksum that both use. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a piece in which the channel is read and written. */
#define CHUNK	(64 * 1024)

/* Returns the CRC-32 (IEEE, as zlib's) of the data behind what `crc` stands for; begin with 0. */
uint32_t crc32(uint32_t crc, const char *data, size_t len);

/* Ends the guest with a panic ("Attempted to kill init"), after the reason stands on the console. */
_Noreturn void die(const char *what);

/* Waits for the port, and for the host at its other end. */
void channel_open(void);

/* Takes standard input and output for the channel; the process ends when the host closes them. */
void channel_stdio(void);

/* Waits until `look` no longer returns -1, looking again whenever the kernel finds a device; returns what it did. */
int wait_for_device(int (*look)(void), const char *what);

/* Reads exactly so many bytes. */
void channel_get(char *data, size_t len);

/* Reads a line without its newline; returns false for one that is longer than the buffer. */
bool channel_line(char *line, size_t size);

/* Returns what to poll for bytes from the host, and whether some were read already. */
int channel_fd(void);
bool channel_buffered(void);

/* Adds to what is sent at the next flush, or before when it is much. */
void channel_put(const char *data, size_t len);

__attribute__((format(printf, 1, 2)))
void channel_print(const char *fmt, ...);

void channel_flush(void);

#endif
