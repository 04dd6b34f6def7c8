# SPDX-License-Identifier: GPL-2.0-only
"""Program text for the module, and kernel-log lines back into a Trace (docs/protocol.md, sections 1 and 2)."""
