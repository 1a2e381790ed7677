#include "ratelimit.h"

#define PROTO_DEF "ratelimit.def"
#include "tables.h"
