#include "crypto.h"

#define PROTO_DEF "crypto.def"
#include "tables.h"
