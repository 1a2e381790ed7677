#include "audit.h"

#define PROTO_DEF "audit.def"
#include "tables.h"
