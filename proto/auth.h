/* The bodies and ops of auth, from auth.def. */
#ifndef HLIDKA_PROTO_AUTH_H
#define HLIDKA_PROTO_AUTH_H

#include "codes.h"

#define PROTO_DEF "auth.def"
#include "structs.h"

#endif
