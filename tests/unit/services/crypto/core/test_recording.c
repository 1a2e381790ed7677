#include "known.h"
#include "recording.h"

#include <stdlib.h>

static struct secret *key;
static struct recording form;

static void setup(void)
{
    cr_assert_geq(sodium_init(), 0);
    key = known_secret(0);
    form = (struct recording){ TEXT("backend"), known_id(), 16389, TEXT("audio/ogg"), TEXT("u-1"), UINT64_C(1700000000123) };
}

static void teardown(void)
{
    secret_free(key);
}

TestSuite(recording, .init = setup, .fini = teardown, .timeout = 30);

static uint8_t *seal(struct part p, const uint8_t *plain)
{
    uint8_t *sealed = malloc(COBBLESTONE_SEALED_LEN(p.length)), salt[COBBLESTONE_SALT_LEN];
    struct buffer context;

    cr_assert(sealed);
    known_fill(salt, sizeof(salt), 50);
    buffer_init(&context, RECORDING_CONTEXT_MAX);
    cr_assert_eq(recording_context(&form, p, &context), RESULT_OK);
    cr_assert_eq(cobblestone_seal(secret_bytes(key).data, buffer_bytes(&context), salt, (struct bytes){ plain, p.length }, sealed),
                 RESULT_OK);
    buffer_free(&context);
    return sealed;
}

Test(recording, is_stored_as_the_contract_says)
{
    struct part p = { 16384, 5 };
    struct buffer context;
    uint8_t *sealed = seal(p, (const uint8_t *)"konec");

    buffer_init(&context, RECORDING_CONTEXT_MAX);
    cr_assert_eq(recording_context(&form, p, &context), RESULT_OK);
    known_is(context.data, context.len,
             "686c69646b612d617564696f2d763100076261636b656e640010a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00080000000000004000000800000000"
             "00000005000800000000000040050009617564696f2f6f67670003752d3100080000018bcfe5687b");
    known_is(sealed, COBBLESTONE_SEALED_LEN(5),
             "32333435363738393a3b3c3d3e3f404142434445464748495fc9ebf4f38a9da05d1de85506e1a0b36e76d6a43432f7e977169024dc150b699228"
             "abb8652f2c15541a4b2be2107c4049a48eac5f");
    buffer_free(&context);
    free(sealed);
}

Test(recording, the_hash_is_kept_as_the_header_says)
{
    uint8_t sha[RECORDING_SHA256_LEN], nonce[GCM_NONCE_LEN], sealed[RECORDING_SEALED_SHA256_LEN];
    struct uuid other = form.id;

    crypto_hash_sha256(sha, (const uint8_t *)"konec", 5);
    known_fill(nonce, sizeof(nonce), 200);
    cr_assert_eq(recording_seal_sha256(key, &form.id, nonce, sha, sealed), RESULT_OK);
    known_is(sealed, sizeof(sealed),
             "c8c9cacbcccdcecfd0d1d2d3a7006fd0adb35f4351cb6496c71a0acd30e99441554b35d5c637b38e28b0b3dfbd76b582c240fe5fe8d1384c27b9"
             "de64");
    cr_assert_eq(recording_open_sha256(key, &form.id, (struct bytes){ sealed, sizeof(sealed) }, sha), RESULT_OK);
    other.bytes[0] ^= 1;
    cr_expect_eq(recording_open_sha256(key, &other, (struct bytes){ sealed, sizeof(sealed) }, sha), RESULT_NOT_AUTHENTIC);
    cr_expect_eq(recording_open_sha256(key, &form.id, (struct bytes){ sealed, 59 }, sha), RESULT_NOT_AUTHENTIC);
    sealed[30] ^= 1;
    cr_expect_eq(recording_open_sha256(key, &form.id, (struct bytes){ sealed, sizeof(sealed) }, sha), RESULT_NOT_AUTHENTIC);
}

static void check_range(struct part p, const uint8_t *plain, const uint8_t *sealed, struct part want)
{
    struct part span = recording_span(p, want);
    uint8_t *out = malloc(want.length);

    cr_assert_leq(span.offset + span.length, COBBLESTONE_SEALED_LEN(p.length));
    cr_assert_eq(recording_open(key, &form, p, sealed, want, (struct bytes){ sealed + span.offset, span.length }, out), RESULT_OK,
                 "%zu+%zu", (size_t)want.offset, (size_t)want.length);
    cr_expect_arr_eq(out, plain + (want.offset - p.offset), want.length);
    free(out);
}

Test(recording, any_range_of_a_part_opens)
{
    static const size_t LENGTHS[] = { 1, 100, 16383, 16384, 16385, 32768, 50000 };

    for (size_t n = 0; n < sizeof(LENGTHS) / sizeof(LENGTHS[0]); n++) {
        struct part p = { 3 * PART_UNIT, LENGTHS[n] };
        uint8_t *plain = malloc(p.length);
        randombytes_buf(plain, p.length);
        form.size = p.offset + p.length;
        uint8_t *sealed = seal(p, plain);
        check_range(p, plain, sealed, p);
        check_range(p, plain, sealed, (struct part){ p.offset, 1 });
        check_range(p, plain, sealed, (struct part){ p.offset + p.length - 1, 1 });
        for (unsigned i = 0; i < 40; i++) {
            uint64_t from = randombytes_uniform((uint32_t)p.length);
            check_range(p, plain, sealed, (struct part){ p.offset + from, 1 + randombytes_uniform((uint32_t)(p.length - from)) });
        }
        free(plain);
        free(sealed);
    }
}

/* Each byte of a blob: the header is for the row to be compared with, the rest must be found here. */
Test(recording, a_changed_byte_is_found_and_nothing_is_left)
{
    struct part p = { 0, 2 * PART_UNIT };
    uint8_t *plain = malloc(p.length), *out = malloc(p.length), *sealed;
    size_t len = COBBLESTONE_SEALED_LEN(p.length);

    form.size = p.length;
    memset(plain, 0x55, p.length);
    sealed = seal(p, plain);
    for (size_t i = COBBLESTONE_HEADER_LEN; i < len; i += i < len - 80 && i > 100 ? 997 : 1) {
        sealed[i] ^= 1;
        memset(out, 0xee, p.length);
        cr_expect_eq(recording_open(key, &form, p, sealed, p,
                                    (struct bytes){ sealed + COBBLESTONE_HEADER_LEN, len - COBBLESTONE_HEADER_LEN }, out),
                     RESULT_NOT_AUTHENTIC, "byte %zu", i);
        cr_expect(sodium_is_zero(out, p.length));
        sealed[i] ^= 1;
    }
    free(plain);
    free(out);
    free(sealed);
}

Test(recording, a_part_is_of_its_place_alone)
{
    struct part p = { 0, PART_UNIT }, moved = { PART_UNIT, PART_UNIT };
    static uint8_t plain[PART_UNIT], out[PART_UNIT];
    uint8_t *sealed;

    form.size = 2 * PART_UNIT;
    sealed = seal(p, plain);
    struct bytes chunks = { sealed + COBBLESTONE_HEADER_LEN, COBBLESTONE_SEALED_LEN(PART_UNIT) - COBBLESTONE_HEADER_LEN };
    struct recording was = form;
    struct secret *other = known_secret(9);

#define REFUSED(part, want_part, with)                                                                     \
    cr_expect_eq(recording_open(with, &form, part, sealed, want_part, chunks, out), RESULT_NOT_AUTHENTIC)
    REFUSED(moved, moved, key);
    REFUSED(p, p, other);
    form.size++;
    REFUSED(p, p, key);
    form = was, form.owner = TEXT("u-2");
    REFUSED(p, p, key);
    form = was, form.owner = (struct text){ NULL, 0 };
    REFUSED(p, p, key);
    form = was, form.realm = TEXT("ops");
    REFUSED(p, p, key);
    form = was, form.media_type = TEXT("audio/wav");
    REFUSED(p, p, key);
    form = was, form.created_ms++;
    REFUSED(p, p, key);
    form = was, form.id.bytes[3] ^= 1;
    REFUSED(p, p, key);
    form = was;
    cr_expect_eq(recording_open(key, &form, p, sealed, p, chunks, out), RESULT_OK);
    chunks.len--;
    REFUSED(p, p, key);
    secret_free(other);
    free(sealed);
}
