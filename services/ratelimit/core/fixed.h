/*
 * Fixed windows: those that begin at multiples of the window's length since 1970, each counted from nothing.
 */
#ifndef HLIDKA_FIXED_H
#define HLIDKA_FIXED_H

#include <stdint.h>

/* All zero: unused. */
struct fixed {
    uint64_t used;              /* in the window of last_us */
    uint64_t last_us;           /* newest charge: the account's clock never runs back */
    uint64_t born_us;           /* when it last began from nothing */
};

uint64_t fixed_now(const struct fixed *f, uint64_t clock_us);

/* Of the window that now_us is in. */
uint64_t fixed_used(const struct fixed *f, uint64_t window_us, uint64_t now_us);

/* Until the end of the window of now_us: 1 … window_us. */
uint64_t fixed_rest_us(uint64_t window_us, uint64_t now_us);

/* used as of now_us. */
void fixed_charge(struct fixed *f, uint64_t used, uint64_t cost, uint64_t now_us);

#endif
