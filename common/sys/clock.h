/* The clocks. Rules take `now` as an argument; these are for handlers, timers and the bus. */
#ifndef HLIDKA_CLOCK_H
#define HLIDKA_CLOCK_H

#include <stdint.h>

/* CLOCK_REALTIME, ms since 1970-01-01 UTC: what is written on the wire. */
uint64_t clock_unix_ms(void);

/* CLOCK_BOOTTIME, ns: for waiting and freshness; goes on while the machine sleeps, never back. */
uint64_t clock_boot_ns(void);

#endif
