/*
 * The ops of all services, from the rows OP and NOTICE of the .def files.
 */
#ifndef HLIDKA_OPS_H
#define HLIDKA_OPS_H

#include "schema.h"

enum op_flag {
    OP_ONCE = 1,                /* changes state: one effect per (src, id), and the first reply again */
    OP_SIGNED = 2,              /* needs a signature, and a grant of its own */
    OP_SLOW = 4,                /* asks another service, reads files or carries over 64 KiB */
};

struct op {
    struct text name;           /* "ratelimit.check" */
    unsigned flags;             /* of enum op_flag */
    const struct schema *request;
    const struct schema *result;        /* NULL: a notice (`event`, `revoked`), which nobody answers */
    const char *summary;
};

/* NULL when there is none of that name, which may be a peer's. */
const struct op *ops_find(struct text name);

/* Those of "auth", "crypto", "ratelimit" or "audit", notices included, in the order of the contract; of
 * another name none. */
const struct op *const *ops_of(struct text service, size_t *count);

#endif
