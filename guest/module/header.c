// SPDX-License-Identifier: GPL-2.0-only
/*
 * The implementation "header": none. A build for a header's text (run --header)
 * has another file in the place of this one: header.h, that text, header_api.h.
 */
#include "lazymmu.h"

const struct lmm_api lmm_api_header;
const struct lmm_api lmm_api_header_with_ptes;
