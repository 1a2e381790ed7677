#include "record_seal.h"

#include <criterion/criterion.h>
#include <sodium.h>

static struct secret *secret, *other;
static const uint8_t NONCE[RECORD_NONCE_LEN] = { 1 };

static void setup(void)
{
    uint8_t key[RECORD_SECRET_LEN] = { 7 };

    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(secret_from(key, sizeof(key), &secret), RESULT_OK);
    key[0] = 8;
    cr_assert_eq(secret_from(key, sizeof(key), &other), RESULT_OK);
}

static void teardown(void)
{
    secret_free(secret);
    secret_free(other);
}

TestSuite(record_seal, .init = setup, .fini = teardown, .timeout = 5);

static void set_body(struct record *r, struct text body)
{
    cr_assert_eq(record_digest(text_bytes(body), r->body), RESULT_OK);
}

static struct record sample(void)
{
    struct record r = { TEXT("backend"), { { 1, 2, 3 } }, TEXT("auth.session.revoke"), { 0 } };

    set_body(&r, TEXT("body"));
    return r;
}

Test(record_seal, what_was_sealed_opens_with_the_same_request_alone)
{
    struct record r = sample(), bad;
    struct buffer sealed, opened;
    uint8_t *at;

    buffer_init(&sealed, 1000);
    buffer_init(&opened, 1000);
    cr_assert_eq(record_seal(secret, &r, NONCE, text_bytes(TEXT("the reply")), &sealed), RESULT_OK);
    cr_assert_eq(sealed.len, 9 + RECORD_SEAL_OVERHEAD);
    cr_expect_null(memmem(sealed.data, sealed.len, "reply", 5));
    cr_assert_eq(record_open(secret, &r, buffer_bytes(&sealed), &opened), RESULT_OK);
    cr_expect(bytes_equal(buffer_bytes(&opened), text_bytes(TEXT("the reply"))));
    buffer_reset(&opened);

    cr_expect_eq(record_open(other, &r, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC);
    for (unsigned i = 0; i < 5; i++) {
        bad = sample();
        if (i == 0)
            bad.src = TEXT("backenx");
        else if (i == 1)
            bad.id.bytes[15] ^= 1;
        else if (i == 2)
            bad.op = TEXT("auth.session.revokf");
        else if (i == 3)
            set_body(&bad, TEXT("bodz"));
        else {                          /* the same bytes, cut elsewhere */
            bad.op = TEXT("auth.session.revok");
            set_body(&bad, TEXT("ebody"));
        }
        cr_expect_eq(record_open(secret, &bad, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC, "case %u", i);
    }
    for (size_t i = 0; i < sealed.len; i++) {
        at = &sealed.data[i];
        *at ^= 1;
        cr_expect_eq(record_open(secret, &r, buffer_bytes(&sealed), &opened), RESULT_NOT_AUTHENTIC, "byte %zu", i);
        *at ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        cr_expect_eq(record_open(secret, &r, (struct bytes){ sealed.data, len }, &opened), RESULT_NOT_AUTHENTIC);
    cr_expect_eq(opened.len, 0);
    buffer_free(&sealed);
    buffer_free(&opened);
}

Test(record_seal, a_fingerprint_tells_op_and_body_and_is_keyed)
{
    struct record r = sample();
    uint8_t a[RECORD_FINGERPRINT_LEN], b[RECORD_FINGERPRINT_LEN];

    cr_assert_eq(record_fingerprint(secret, &r, a), RESULT_OK);
    cr_assert_eq(record_fingerprint(secret, &r, b), RESULT_OK);
    cr_expect_arr_eq(a, b, sizeof(a));
    cr_assert_eq(record_fingerprint(other, &r, b), RESULT_OK);
    cr_expect_arr_neq(a, b, sizeof(a));
    r.op = TEXT("auth.session.revok");
    set_body(&r, TEXT("ebody"));
    cr_assert_eq(record_fingerprint(secret, &r, b), RESULT_OK);
    cr_expect_arr_neq(a, b, sizeof(a));
}

Test(record_seal, a_secret_of_another_length_and_a_long_source_are_refused)
{
    struct record r = sample();
    struct secret *brief;
    struct buffer out;
    uint8_t a[RECORD_FINGERPRINT_LEN];

    buffer_init(&out, 1000);
    cr_assert_eq(secret_from("short", 5, &brief), RESULT_OK);
    cr_expect_eq(record_fingerprint(brief, &r, a), RESULT_OUT_OF_RANGE);
    r.src = TEXT("123456789012345678901234567890123");
    cr_expect_eq(record_seal(secret, &r, NONCE, text_bytes(TEXT("x")), &out), RESULT_OUT_OF_RANGE);
    cr_expect_eq(out.len, 0);
    secret_free(brief);
    buffer_free(&out);
}
