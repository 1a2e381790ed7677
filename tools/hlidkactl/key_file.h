/*
 * A principal's secret files (PROTOCOL.md, section 2, "Principals"): lines of the base64 of 32 bytes, mode
 * 0600. `<name>.key` holds X25519 secret keys, `<name>.sign` Ed25519 seeds. The first line sends or signs, the
 * others still open.
 */
#ifndef HLIDKA_KEY_FILE_H
#define HLIDKA_KEY_FILE_H

#include "buffer.h"

#define KEY_FILE_KEYS_MAX  8u       /* what a principal may list as `keys` */
#define KEY_FILE_SIGNS_MAX 4u       /* and as `signs` */

enum key_kind { KEY_EXCHANGE, KEY_SIGNING };

struct public_keys {
    uint8_t keys[KEY_FILE_KEYS_MAX][32];
    unsigned count;
};

/* The public halves of the keys in the file, in its order. RESULT_NOT_FOUND, RESULT_DENIED (others may read
 * it), RESULT_MALFORMED, RESULT_FULL (more lines than a principal may list); `why` says more. */
MUST_USE enum result key_file_public(const char *path, enum key_kind kind, struct public_keys *out, struct buffer *why);

/* A new file with one new key. RESULT_EXISTS (left as it is), RESULT_IO, RESULT_NO_MEMORY. */
MUST_USE enum result key_file_create(const char *path, struct buffer *why);

/*
 * One new key as the last line, so that it opens before it sends; a file that is not there is made. Readers
 * see the old file or the new one, nothing between. Errors as both above; RESULT_FULL when it holds as many
 * as a principal may list.
 */
MUST_USE enum result key_file_add(const char *path, enum key_kind kind, struct buffer *why);

#endif
