/*
 * The decoder's own: one document on its way into a struct. What is refused is noted and passed over, so
 * that all faults of a body are found; what cannot go on (memory) ends it.
 */
#ifndef HLIDKA_DECODER_H
#define HLIDKA_DECODER_H

#include "codec.h"
#include "pointer.h"

struct decoder {
    struct mp_reader in;        /* over a document that mp_check has vouched for */
    struct arena *arena;
    struct field_errors *errors;
    enum result status;         /* what ends the decoding */
};

static inline bool decoder_stopped(const struct decoder *d)
{
    return d->status || d->errors->count == FIELD_ERRORS_MAX;
}

/* Always false: what is refused has no value. */
bool decoder_refuse(struct decoder *d, const struct pointer *at, enum field_code code);

/* The same for what is too short or too long. */
bool decoder_check_length(struct decoder *d, const struct bounds *b, size_t n, const struct pointer *at);
bool decoder_check_str(struct decoder *d, const struct type *t, struct text s, const struct pointer *at);

/* A value that is no container and of a type on the wire that its kind admits, into the member; false when
 * refused. */
bool decoder_scalar(struct decoder *d, const struct type *t, const struct mp_value *v,
                    const struct pointer *at, uint8_t *out);

#endif
