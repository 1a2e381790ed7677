#include "cobblestone.h"
#include "known.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define LONGEST (5 * 1024 * 1024)

/* ---- Project Wycheproof's vectors ---------------------------------------------------------------------------------- */

static json_t *load(const char *name)
{
    const char *dir = getenv("HLIDKA_VECTORS");
    char path[512];
    json_error_t error;

    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", name);
    if (access(path, R_OK)) {
        fprintf(stderr, "skipped: %s is not there\n", path);
        return NULL;
    }
    json_t *doc = json_load_file(path, 0, &error);
    cr_assert(doc, "%s:%d: %s", path, error.line, error.text);
    return doc;
}

static size_t octets(const json_t *test, const char *name, uint8_t *out, size_t max)
{
    const char *hex = json_string_value(json_object_get(test, name));
    size_t len = 0;

    cr_assert(hex && sodium_hex2bin(out, max, hex, strlen(hex), NULL, &len, NULL) == 0, "%s", name);
    return len;
}

/* Ciphertexts are deflated there (zlib). */
static size_t inflated(const json_t *test, uint8_t *out)
{
    uint8_t *raw = malloc(LONGEST);
    uLongf len = LONGEST;

    cr_assert(raw);
    size_t n = octets(test, "ct", raw, LONGEST);
    if (n == 0)
        len = 0;
    else
        cr_assert_eq(uncompress(out, &len, raw, n), Z_OK);
    free(raw);
    return len;
}

static enum result open_any(struct bytes key, struct bytes context, struct bytes sealed, uint8_t *out)
{
    return key.len == COBBLESTONE_KEY_LEN ? cobblestone_open(key.data, context, sealed, out) : RESULT_OUT_OF_RANGE;
}

static void check(const json_t *test, uint8_t *sealed, uint8_t *out, uint8_t *again)
{
    uint8_t key[64], context[256], sha[64], want[64];
    struct bytes k = { key, octets(test, "key", key, sizeof(key)) }, c = { context, octets(test, "ctx", context, sizeof(context)) };
    struct bytes in = { sealed, inflated(test, sealed) };
    bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    int id = (int)json_integer_value(json_object_get(test, "tcId"));

    memset(out, 0xee, LONGEST);
    enum result r = open_any(k, c, in, out);
    cr_assert_eq(r == RESULT_OK, valid, "test %d: %s", id, result_text(r));
    if (!valid) {
        /* Of what does not open as a whole nothing is left, its sound beginning neither. */
        size_t len;
        if (k.len == COBBLESTONE_KEY_LEN && !cobblestone_plain_len(in.len, &len))
            cr_expect(sodium_is_zero(out, len), "test %d left plaintext", id);
        return;
    }
    size_t len = (size_t)json_integer_value(json_object_get(test, "msgLength"));
    cr_assert_eq(COBBLESTONE_SEALED_LEN(len), in.len, "test %d", id);
    crypto_hash_sha512(sha, out, len);
    octets(test, "msgSha512", want, sizeof(want));
    cr_expect_arr_eq(sha, want, sizeof(sha), "test %d", id);
    cr_assert_eq(cobblestone_seal(key, c, sealed, (struct bytes){ out, len }, again), RESULT_OK);
    cr_expect_arr_eq(again, sealed, in.len, "test %d is sealed otherwise", id);
}

Test(cobblestone, wycheproof, .timeout = 60)
{
    json_t *doc = load("wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json"), *group, *test;
    uint8_t *sealed = malloc(LONGEST), *out = malloc(LONGEST), *again = malloc(LONGEST);
    size_t g, t, checked = 0;

    cr_assert(sealed && out && again);
    cr_assert_geq(sodium_init(), 0);
    json_array_foreach(json_object_get(doc, "testGroups"), g, group)
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            check(test, sealed, out, again);
            checked++;
        }
    if (doc)
        cr_assert_eq((json_int_t)checked, json_integer_value(json_object_get(doc, "numberOfTests")));
    json_decref(doc);
    free(sealed);
    free(out);
    free(again);
}

/* ---- ours ---------------------------------------------------------------------------------------------------------- */

Test(cobblestone, lengths_that_no_ciphertext_has_are_told, .timeout = 10)
{
    enum { CHUNK = COBBLESTONE_SEALED_CHUNK_LEN, HEAD = COBBLESTONE_HEADER_LEN, TAG = COBBLESTONE_TAG_LEN };
    static const struct {
        size_t sealed, plain;
        enum result r;
    } CASES[] = {
        { 0, 0, RESULT_MALFORMED }, { HEAD - 1, 0, RESULT_MALFORMED }, { HEAD, 0, RESULT_MALFORMED },
        { HEAD + TAG - 1, 0, RESULT_MALFORMED }, { HEAD + TAG, 0, RESULT_OK }, { HEAD + TAG + 1, 1, RESULT_OK },
        { HEAD + CHUNK - 1, COBBLESTONE_CHUNK_LEN - 1, RESULT_OK }, { HEAD + CHUNK, 0, RESULT_MALFORMED },
        { HEAD + CHUNK + TAG - 1, 0, RESULT_MALFORMED }, { HEAD + CHUNK + TAG, COBBLESTONE_CHUNK_LEN, RESULT_OK },
        { HEAD + 2 * CHUNK + TAG + 5, 2 * COBBLESTONE_CHUNK_LEN + 5, RESULT_OK },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        size_t plain = 0;
        cr_expect_eq(cobblestone_plain_len(CASES[i].sealed, &plain), CASES[i].r, "%zu", CASES[i].sealed);
        if (!CASES[i].r) {
            cr_expect_eq(plain, CASES[i].plain);
            cr_expect_eq(COBBLESTONE_SEALED_LEN(plain), CASES[i].sealed);
        }
    }
}

Test(cobblestone, every_chunk_opens_alone_and_nowhere_else, .timeout = 20)
{
    enum { LEN = 2 * COBBLESTONE_CHUNK_LEN + 100 };
    static uint8_t plain[LEN], sealed[COBBLESTONE_SEALED_LEN(LEN)], out[COBBLESTONE_CHUNK_LEN], salt[COBBLESTONE_SALT_LEN];
    struct bytes context = { (const uint8_t *)"c", 1 };
    uint8_t key[COBBLESTONE_KEY_LEN];
    struct cobblestone *c;

    cr_assert_geq(sodium_init(), 0);
    known_fill(key, sizeof(key), 0);
    randombytes_buf(plain, sizeof(plain));
    cr_assert_eq(cobblestone_seal(key, context, salt, (struct bytes){ plain, LEN }, sealed), RESULT_OK);
    cr_assert_eq(cobblestone_begin(key, context, sealed, &c), RESULT_OK);
    for (size_t at = 0; at < 3; at++) {
        size_t len = at < 2 ? COBBLESTONE_CHUNK_LEN : 100;
        struct bytes chunk = { sealed + COBBLESTONE_HEADER_LEN + at * COBBLESTONE_SEALED_CHUNK_LEN, len + COBBLESTONE_TAG_LEN };
        for (uint64_t index = 0; index < 4; index++)
            cr_expect_eq(cobblestone_chunk(c, index, chunk, out), index == at ? RESULT_OK : RESULT_NOT_AUTHENTIC);
        cr_assert_eq(cobblestone_chunk(c, at, chunk, out), RESULT_OK);
        cr_expect_arr_eq(out, plain + at * COBBLESTONE_CHUNK_LEN, len);
    }
    cr_expect_eq(cobblestone_chunk(c, COBBLESTONE_CHUNKS_MAX, (struct bytes){ sealed, 16 }, out), RESULT_MALFORMED);
    cobblestone_end(c);
    sealed[COBBLESTONE_SALT_LEN] ^= 1;
    cr_expect_eq(cobblestone_begin(key, context, sealed, &c), RESULT_NOT_AUTHENTIC, "the commitment comes first");
}
