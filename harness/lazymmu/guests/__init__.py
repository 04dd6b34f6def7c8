# SPDX-License-Identifier: GPL-2.0-only
"""Guests: virtual machines in QEMU whose agent answers requests.

`pool` gives ready guests of a `machine`, restored from a snapshot (`snapshot_store`, `snapshot`) or booted (`startup`).
`qemu` is one process, with its command line (`boot`), `console`, `monitor` and channel logs (`channel_log`).
`agent_connection` sends requests to the agent, over one of the `transports`. A `watchdog` ends the wait for a guest
that hangs, and `hang_report` says where it hangs. `findings` recognises trouble in what was printed.
"""
