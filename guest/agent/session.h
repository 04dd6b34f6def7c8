/* SPDX-License-Identifier: GPL-2.0-only */
/* A command in the guest, with its terminal on the host; and files for it */
#ifndef SESSION_H
#define SESSION_H

#include <stddef.h>

/* Prepares a guest whose archive has a shell for sessions; does nothing in others. */
void prepare_sessions(void);

/* Writes a new file; `arguments` has its mode (octal) and its path, which must not exist. Returns 0 or an errno. */
int write_file(const char *arguments, const char *data, size_t len);

/* Runs a command to its end. `arguments` says whether it gets a terminal; `command` has its words, each with a NUL. */
void run_session(const char *arguments, const char *command, size_t len);

#endif
