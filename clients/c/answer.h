/* A reply that outlives its callback: everything it points to, in one piece of its own. */
#ifndef HLIDKA_ANSWER_H
#define HLIDKA_ANSWER_H

#include "hlidka_sync.h"

/* NULL without memory. Free with hlidka_answer_free. */
struct hlidka_answer *answer_copy(const struct hlidka_reply *reply);

#endif
