/* SPDX-License-Identifier: GPL-2.0-only */
/* SSH connections to the guest, if its archive has the folder /network */
#ifndef NETWORK_H
#define NETWORK_H

#include <stddef.h>

/* Loads the driver, sets the address, and starts the server; does nothing in a guest without the folder. */
void network_open(void);

/*
 * Listens for connections. The payload has the client's key, a line of authorized_keys, and the server's own key in
 * dropbear's format. Leaves a record in the kernel's log, where a connection continues. Returns 0 or an errno.
 */
int listen_ssh(const char *payload, size_t len, int kmsg);

#endif
