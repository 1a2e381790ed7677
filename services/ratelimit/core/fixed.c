#include "fixed.h"

uint64_t fixed_now(const struct fixed *f, uint64_t clock_us)
{
    return clock_us > f->last_us ? clock_us : f->last_us;
}

uint64_t fixed_used(const struct fixed *f, uint64_t window_us, uint64_t now_us)
{
    return f->last_us >= now_us - now_us % window_us ? f->used : 0;
}

uint64_t fixed_rest_us(uint64_t window_us, uint64_t now_us)
{
    return window_us - now_us % window_us;
}

void fixed_charge(struct fixed *f, uint64_t used, uint64_t cost, uint64_t now_us)
{
    *f = (struct fixed){ .used = used + cost, .last_us = now_us, .born_us = used == 0 ? now_us : f->born_us };
}
