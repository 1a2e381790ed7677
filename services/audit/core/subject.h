/*
 * Whose record it is, under whose key its payload lies (PROTOCOL.md section 8): the user_id, else the address, else the
 * source. A subject is known by a keyed hash, so the database names nobody:
 *
 *     hash = BLAKE2b-128(key, kind ‖ text)         key: of this purpose alone
 */
#ifndef HLIDKA_SUBJECT_H
#define HLIDKA_SUBJECT_H

#include "hashmap.h"
#include "log_event.h"

#define SUBJECT_HASH_LEN 16

enum subject_kind { SUBJECT_USER = 'u', SUBJECT_IP = 'i', SUBJECT_SOURCE = 's' };

struct subject {
    enum subject_kind kind;
    struct text text;
};

struct subject_hash {
    uint8_t bytes[SUBJECT_HASH_LEN];
};

struct subject subject_of(const struct log_event *e, struct text src);
void subject_hash(const uint8_t key[32], struct subject s, struct subject_hash *out);

/*
 * How many new subjects a source may bring in a minute; what is above shares the source's key. A source that invents
 * users costs no more than that, and harms its own records only.
 */
#define NEWCOMERS_SOURCES 512

struct newcomers;

MUST_USE enum result newcomers_new(unsigned per_minute, const uint8_t seed[16], struct newcomers **out);
/* Whether src may bring one more now; then it is counted. With more sources than there is room for: no. */
bool newcomers_admit(struct newcomers *n, struct text src, uint64_t now_ms);
void newcomers_free(struct newcomers *n);

#endif
