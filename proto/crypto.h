/* The bodies and ops of crypto, from crypto.def. */
#ifndef HLIDKA_PROTO_CRYPTO_H
#define HLIDKA_PROTO_CRYPTO_H

#include "codes.h"

#define PROTO_DEF "crypto.def"
#include "structs.h"

#endif
