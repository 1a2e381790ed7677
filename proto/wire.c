#include "codes.h"

#define PROTO_DEF "wire.def"
#include "tables.h"
