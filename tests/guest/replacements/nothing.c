// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook that is not called. */
void replacement(struct lmm_run *run)
{
}
