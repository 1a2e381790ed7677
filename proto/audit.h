/* The bodies and ops of audit, from audit.def. */
#ifndef HLIDKA_PROTO_AUDIT_H
#define HLIDKA_PROTO_AUDIT_H

#include "codes.h"

#define PROTO_DEF "audit.def"
#include "structs.h"

#endif
