/*
 * Inputs that the known answers of these tests share; the answers were worked out by another implementation (Python's
 * cryptography), from the contract alone.
 */
#ifndef HLIDKA_TEST_CRYPTO_KNOWN_H
#define HLIDKA_TEST_CRYPTO_KNOWN_H

#include "bytes.h"
#include "secret.h"
#include "uuid.h"

#include <criterion/criterion.h>
#include <sodium.h>

static inline void known_fill(uint8_t *out, size_t len, uint8_t first)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(first + i);
}

/* first, first + 1, … */
static inline struct secret *known_secret(uint8_t first)
{
    struct secret *s;

    cr_assert_eq(secret_new(32, &s), RESULT_OK);
    known_fill(secret_fill(s), 32, first);
    return s;
}

static inline struct uuid known_id(void)
{
    struct uuid id;

    known_fill(id.bytes, sizeof(id.bytes), 0xa0);
    return id;
}

static inline void known_is(const uint8_t *got, size_t len, const char *hex)
{
    char text[4096];

    cr_assert_lt(2 * len + 1, sizeof(text));
    sodium_bin2hex(text, sizeof(text), got, len);
    cr_expect_str_eq(text, hex);
}

#endif
