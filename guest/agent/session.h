/* SPDX-License-Identifier: GPL-2.0-only */
/* A shell or one command in the guest, with its terminal at the other end of the channel; and files for it. */
#ifndef SESSION_H
#define SESSION_H

#include <stddef.h>

/* Makes a guest whose archive has a shell ready for sessions; any other stays as it is. */
void prepare_sessions(void);

/* Writes a new file; `arguments` is its mode (octal) and its path, which must not be there. Returns 0 or an errno. */
int write_file(const char *arguments, const char *data, size_t len);

/*
 * Runs one command to its end, and says how it ended (docs/protocol.md, section 4). `arguments` says whether on a
 * terminal, `command` its words, each with a NUL behind it.
 */
void run_session(const char *arguments, const char *command, size_t len);

#endif
