# SPDX-License-Identifier: GPL-2.0-only
"""The revisions of the API, one file each."""
