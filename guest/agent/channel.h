/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's end of the channel to the harness, and the checksum that both use */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK	(64 * 1024)	/* size of a buffer */

/* Continues the CRC-32 (IEEE, as zlib's) `crc` with this data; begin with 0. */
uint32_t crc32(uint32_t crc, const char *data, size_t len);

/* Prints a reason on the console and exits; if init exits, the guest panics ("Attempted to kill init"). */
_Noreturn void die(const char *what);

/* Waits for the port, and for the host to open its end. */
void channel_open(void);

/* Uses standard input and output as the channel; the process exits when the host closes them. */
void channel_stdio(void);

/* Calls `look` whenever the kernel finds a device, until it returns something else than -1; returns that. */
int wait_for_device(int (*look)(void), const char *what);

void channel_get(char *data, size_t len);

/* Reads a line without its newline; returns false if it is longer than the buffer. */
bool channel_line(char *line, size_t size);

/* The descriptor to poll for bytes from the host, and whether the buffer has some already */
int channel_fd(void);
bool channel_buffered(void);

/* Add to the output buffer, which is sent when it is full or flushed. */
void channel_put(const char *data, size_t len);

__attribute__((format(printf, 1, 2)))
void channel_print(const char *fmt, ...);

void channel_flush(void);

#endif
