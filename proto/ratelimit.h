/* The bodies and ops of ratelimit, from ratelimit.def. */
#ifndef HLIDKA_PROTO_RATELIMIT_H
#define HLIDKA_PROTO_RATELIMIT_H

#include "codes.h"

#define PROTO_DEF "ratelimit.def"
#include "structs.h"

#endif
