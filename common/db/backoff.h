/* How long to wait before connecting again: 50 ms doubling to 2 s, less up to half of it by chance. */
#ifndef HLIDKA_BACKOFF_H
#define HLIDKA_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS 2000

/* failures: attempts in a row that failed, from 0; random: any 32 random bits. */
uint64_t backoff_ms(unsigned failures, uint32_t random);

#endif
