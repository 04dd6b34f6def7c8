/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest that is reached over a network; one without the folder /network in its archive is not. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stddef.h>

/* Loads the driver, and takes the address that QEMU's user network gives; does nothing in a guest without one. */
void network_open(void);

/*
 * Listens for SSH connections: `payload` brings the one key that may log in, as a line of authorized_keys, and behind it
 * the host's own key as dropbear keeps it. Connections are accepted from then on. It leaves a record in the kernel's
 * log, from which the log of a connection can be counted. Returns 0 or an errno.
 */
int listen_ssh(const char *payload, size_t len, int kmsg);

#endif
