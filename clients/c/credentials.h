/*
 * Whom we know and who we are, from their files, together with what the files looked like: reloaded when they change,
 * refused whole when they are bad.
 */
#ifndef HLIDKA_CREDENTIALS_H
#define HLIDKA_CREDENTIALS_H

#include "file.h"
#include "seal.h"

struct credential_files {
    const char *principals;
    const char *key;
    const char *sign;                   /* or NULL */
};

struct credentials {
    struct principals *principals;
    struct keyring *keyring;
    struct file_stamp stamps[3];
};

/* self must be listed with the key that sends. RESULT_BAD_CONFIG, RESULT_DENIED, RESULT_NO_MEMORY with `why`. */
MUST_USE enum result credentials_load(const struct credential_files *files, struct text self, struct credentials *out,
                                      struct buffer *why);

/* Whether a file is another one now; one that is away for the moment of its replacement is not. */
bool credentials_stale(const struct credentials *c, const struct credential_files *files);

/* Takes these stamps for known, so that a bad file is complained of once. */
void credentials_seen(struct credentials *c, const struct credential_files *files);

void credentials_free(struct credentials *c);

#endif
