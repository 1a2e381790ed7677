#include "auth.h"

#define PROTO_DEF "auth.def"
#include "tables.h"
