// SPDX-License-Identifier: GPL-2.0-only
/*
 * The implementation "header": empty, unless `run --header` builds the module.
 * Then a file made of header.h, the user's text and header_api.h replaces this one.
 */
#include "lazymmu.h"

const struct lmm_api lmm_api_header[] = { { } };
