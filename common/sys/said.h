/*
 * A failure that is tried again and again is logged once for each reason:
 *
 *     if (said_anew(&s->said, r, why))
 *         log_error(…);
 *     …
 *     s->said = 0;                     // it has passed: the same is news again
 */
#ifndef HLIDKA_SAID_H
#define HLIDKA_SAID_H

#include "bytes.h"
#include "result.h"

#include <stdbool.h>

/* Whether that is another reason than the last one; it is the last one then. */
bool said_anew(uint64_t *said, enum result r, struct text why);

#endif
