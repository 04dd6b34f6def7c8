// SPDX-License-Identifier: GPL-2.0-only
/* Random numbers: each program has its own, so that it can be made again without those before it. */
#include "abuse.h"

/* SplitMix64 (Steele, Lea, Flood 2014) */
static uint64_t next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct chance chance_of(uint64_t seed, uint64_t number)
{
	struct chance c = { .state = seed };

	c.state = next(&c) ^ number;
	c.state = next(&c);
	return c;
}

/* From 0 to limit - 1 */
uint32_t below(struct chance *c, uint32_t limit)
{
	return (next(c) >> 32) * limit >> 32;
}

bool one_in(struct chance *c, uint32_t n)
{
	return !below(c, n);
}
