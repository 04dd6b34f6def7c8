# SPDX-License-Identifier: GPL-2.0-only
"""A run in shards: which cases each has, one shard on a worker of a cluster, and the join of their results."""
