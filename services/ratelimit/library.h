/* The function library schema/ratelimit.lua, as it is in this program. */
#ifndef HLIDKA_RATELIMIT_LIBRARY_H
#define HLIDKA_RATELIMIT_LIBRARY_H

#include "bytes.h"

struct text library_text(void);

#endif
