# SPDX-License-Identifier: GPL-2.0-only
"""Which modules of a kernel's package are unpacked, and under which name the package then goes.

Only the standard library is used here (see lock.py).
"""

#: Start of the name that a kernel's package has when its modules are unpacked.
MODULES_OF = "modules-of-"
#: These modules: they drive a network card (virtio_net), in the order of loading.
NETWORK_MODULES = ("failover", "net_failover", "virtio_net")
