/*
 * A device as a person recognises it, and the form in which it is sealed into a session's row: msgpack
 * `[1, info: str, id: str|nil, ip: str|nil]`. The type is no secret and stands in a column.
 */
#ifndef HLIDKA_AUTH_DEVICE_H
#define HLIDKA_AUTH_DEVICE_H

#include "buffer.h"
#include "ip.h"
#include "uuid.h"

/* In the order of the wire's enumeration (auth.def). */
enum device_type { DEVICE_WEB, DEVICE_IOS, DEVICE_ANDROID, DEVICE_TELEGRAM, DEVICE_DESKTOP, DEVICE_OTHER, DEVICE_TYPES };

#define DEVICE_ENCODED_MAX 512

struct device {
    struct text info;
    struct text id;                     /* data NULL: none */
    struct ip ip;                       /* family 0: none */
};

/* Appends. Errors as the writer's. */
MUST_USE enum result device_encode(const struct device *d, struct buffer *out);

/* What device_encode made; texts borrow from it. RESULT_MALFORMED and the reader's errors for anything else. */
MUST_USE enum result device_decode(struct bytes encoded, struct device *out);

#endif
