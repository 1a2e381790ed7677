#include "seal.h"

#include "parties.h"
#include "wire_fixture.h"

#include <criterion/criterion.h>
#include <sodium.h>

#define WIRE(name) ((struct bytes){ wire_##name, sizeof(wire_##name) })

static struct principal_key public_key(const uint8_t key[32])
{
    struct principal_key p = { .id = key_id_of(key) };

    memcpy(p.public_key, key, 32);
    return p;
}

static struct envelope parsed(struct bytes value, enum envelope_kind kind)
{
    struct envelope e;

    cr_assert_eq(envelope_frame(value, &e), RESULT_OK);
    cr_assert_eq(envelope_parse(&e, kind), RESULT_OK);
    return e;
}

/* ---- against another implementation (wire_fixture.py: PyNaCl and msgpack-python) ------------------------------ */

Test(seal, opens_what_another_implementation_sealed, .timeout = 5)
{
    struct keyring *service = party_service(), *client = party_backend();
    struct principal_key client_key = public_key(wire_client_public), service_key = public_key(wire_service_public);
    struct buffer body;

    buffer_init(&body, ENVELOPE_VALUE_MAX);
    cr_assert_arr_eq(client_key.id.bytes, wire_client_key_id, 8);
    cr_assert_arr_eq(keyring_own(client)->public_key, wire_client_public, 32);

    struct envelope e = parsed(WIRE(request), ENVELOPE_REQUEST);
    cr_assert_eq(open_box(service, SEAL_RESPONDER, &client_key, &e, &body), RESULT_OK);
    cr_assert(bytes_equal(buffer_bytes(&body), WIRE(body)));

    buffer_reset(&body);
    e = parsed(WIRE(reply), ENVELOPE_REPLY);
    cr_assert_eq(open_box(client, SEAL_INITIATOR, &service_key, &e, &body), RESULT_OK);
    cr_assert(bytes_equal(buffer_bytes(&body), WIRE(reply_body)));
    cr_assert(text_equal(e.header.trace, TEXT("00-abc")));

    e = parsed(WIRE(event), ENVELOPE_EVENT);
    cr_assert(e.header.has_n && e.header.n == 41 && memcmp(e.header.n_instance, "instance", 8) == 0);
    cr_assert_eq(open_box(service, SEAL_RESPONDER, &client_key, &e, &body), RESULT_OK);

    buffer_free(&body);
    keyring_free(client);
    keyring_free(service);
}

/* Same keys, header, nonce and body: the very bytes, signature included (Ed25519 is deterministic). */
Test(seal, makes_the_bytes_that_another_implementation_makes, .timeout = 5)
{
    struct keyring *client = party_keyring(BACKEND_KEY "\n", SIGN_SEED "\n");
    struct principal_key service_key = public_key(wire_service_public);
    struct envelope e = parsed(WIRE(request), ENVELOPE_REQUEST);
    struct buffer value;

    buffer_init(&value, ENVELOPE_VALUE_MAX);
    cr_assert_eq(seal_message(client, ENVELOPE_REQUEST, &service_key, &e.header, WIRE(body), false, &value), RESULT_OK);
    cr_assert(bytes_equal(buffer_bytes(&value), WIRE(request)));
    buffer_reset(&value);
    cr_assert_eq(seal_message(client, ENVELOPE_REQUEST, &service_key, &e.header, WIRE(body), true, &value), RESULT_OK);
    cr_assert(bytes_equal(buffer_bytes(&value), WIRE(signed_request)));
    cr_assert_arr_eq(keyring_signer(client)->public_key, wire_sign_public, 32);
    buffer_free(&value);
    keyring_free(client);
}

/* ---- boxes ---------------------------------------------------------------------------------------------------- */

Test(seal, no_bit_of_a_message_may_change, .timeout = 10)
{
    struct keyring *service = party_service();
    struct principal_key client_key = public_key(wire_client_public);
    uint8_t value[sizeof(wire_request)];
    struct buffer body;

    buffer_init(&body, ENVELOPE_VALUE_MAX);
    for (size_t bit = 0; bit < sizeof(value) * 8; bit++) {
        struct envelope e;

        memcpy(value, wire_request, sizeof(value));
        value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (envelope_frame((struct bytes){ value, sizeof(value) }, &e) || envelope_parse(&e, ENVELOPE_REQUEST))
            continue;
        enum result r = open_box(service, SEAL_RESPONDER, &client_key, &e, &body);
        cr_assert(r == RESULT_NOT_AUTHENTIC || r == RESULT_NOT_FOUND, "bit %zu: %s", bit, result_text(r));
        cr_assert_eq(body.len, 0);
    }
    buffer_free(&body);
    keyring_free(service);
}

Test(seal, opens_with_its_own_role_and_peer_only, .timeout = 5)
{
    struct keyring *service = party_service(), *edge = party_edge();
    struct principal_key client_key = public_key(wire_client_public), edge_key = *keyring_own(edge);
    struct envelope e = parsed(WIRE(request), ENVELOPE_REQUEST);
    struct buffer body;

    buffer_init(&body, ENVELOPE_VALUE_MAX);
    cr_assert_eq(open_box(service, SEAL_INITIATOR, &client_key, &e, &body), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(open_box(service, SEAL_RESPONDER, &edge_key, &e, &body), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(open_box(edge, SEAL_RESPONDER, &client_key, &e, &body), RESULT_NOT_FOUND);
    for (size_t len = 0; len < 16; len++) {
        struct envelope cut = e;
        cut.box.len = len;
        cr_assert_eq(open_box(service, SEAL_RESPONDER, &client_key, &cut, &body), RESULT_NOT_AUTHENTIC);
    }
    cr_assert_eq(open_box(service, SEAL_RESPONDER, &client_key, &e, &body), RESULT_OK);
    buffer_free(&body);
    keyring_free(edge);
    keyring_free(service);
}

Test(seal, goes_both_ways_at_every_length, .timeout = 10)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 63, 64, 65, 512, 100000, 900000 };
    static uint8_t plain[900000];
    struct keyring *client = party_backend(), *service = party_service();
    struct buffer value, body;

    buffer_init(&value, 2 * ENVELOPE_VALUE_MAX);        /* the bound is the message's, not the buffer's */
    buffer_init(&body, ENVELOPE_VALUE_MAX);
    randombytes_buf(plain, sizeof(plain));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct envelope_header h = party_header(ENVELOPE_REQUEST, "auth.session.list", "backend", "auth", WIRE_NOW);

        buffer_reset(&value);
        buffer_reset(&body);
        cr_assert_eq(seal_message(client, ENVELOPE_REQUEST, keyring_own(service), &h, (struct bytes){ plain, lengths[i] },
                                  false, &value), RESULT_OK);
        struct envelope e = parsed(buffer_bytes(&value), ENVELOPE_REQUEST);
        cr_assert_eq(open_box(service, SEAL_RESPONDER, keyring_own(client), &e, &body), RESULT_OK);
        cr_assert(bytes_equal(buffer_bytes(&body), (struct bytes){ plain, lengths[i] }));
    }
    struct envelope_header h = party_header(ENVELOPE_REQUEST, "auth.session.list", "backend", "auth", WIRE_NOW);
    static uint8_t too_much[ENVELOPE_VALUE_MAX];
    buffer_reset(&value);
    cr_assert_eq(seal_message(client, ENVELOPE_REQUEST, keyring_own(service), &h, (struct bytes){ too_much, sizeof(too_much) },
                              false, &value), RESULT_TOO_LARGE);
    cr_assert_eq(seal_message(client, ENVELOPE_REQUEST, keyring_own(service), &h,
                              (struct bytes){ too_much, sizeof(too_much) - 100 }, false, &value), RESULT_TOO_LARGE);
    cr_assert_eq(value.len, 0);
    buffer_free(&body);
    buffer_free(&value);
    keyring_free(service);
    keyring_free(client);
}

Test(seal, a_peer_key_of_low_order_is_refused, .timeout = 5)
{
    static const uint8_t order_1[32], order_8[32] = {
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
        0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    };
    const uint8_t *bad[] = { order_1, order_8 };
    struct keyring *service = party_service();
    struct envelope e = parsed(WIRE(request), ENVELOPE_REQUEST);
    struct buffer out;

    buffer_init(&out, ENVELOPE_VALUE_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct principal_key peer = public_key(bad[i]);
        struct envelope_header h = party_header(ENVELOPE_REPLY, "auth.session.list", "auth", "backend", WIRE_NOW);

        for (unsigned twice = 0; twice < 2; twice++) {
            cr_assert_eq(open_box(service, SEAL_RESPONDER, &peer, &e, &out), RESULT_NOT_AUTHENTIC);
            cr_assert_eq(seal_message(service, ENVELOPE_REPLY, &peer, &h, WIRE(body), false, &out), RESULT_CRYPTO);
        }
    }
    buffer_free(&out);
    keyring_free(service);
}

/* ---- several keys at once ------------------------------------------------------------------------------------- */

Test(seal, the_first_key_sends_and_the_others_still_open, .timeout = 5)
{
    struct keyring *client = party_backend(), *rotated = party_keyring(EDGE_KEY "\n" SERVICE_KEY "\n", NULL);
    struct principal_key client_key = *keyring_own(client), old_key = public_key(wire_service_public);
    struct principal_key new_key = *keyring_own(rotated);
    const struct principal_key *to[] = { &old_key, &new_key };
    struct buffer value, body;

    cr_assert(keyring_has(rotated, &old_key.id) && keyring_has(rotated, &new_key.id) && !keyring_has(rotated, &client_key.id));
    buffer_init(&value, ENVELOPE_VALUE_MAX);
    buffer_init(&body, ENVELOPE_VALUE_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct envelope_header h = party_header(ENVELOPE_REQUEST, "auth.session.list", "backend", "auth", WIRE_NOW);

        buffer_reset(&value);
        cr_assert_eq(seal_message(client, ENVELOPE_REQUEST, to[i], &h, WIRE(body), false, &value), RESULT_OK);
        struct envelope e = parsed(buffer_bytes(&value), ENVELOPE_REQUEST);
        cr_assert_eq(open_box(rotated, SEAL_RESPONDER, &client_key, &e, &body), RESULT_OK);
    }
    struct envelope_header h = party_header(ENVELOPE_REPLY, "auth.session.list", "auth", "backend", WIRE_NOW);
    buffer_reset(&value);
    cr_assert_eq(seal_message(rotated, ENVELOPE_REPLY, &client_key, &h, WIRE(body), false, &value), RESULT_OK);
    cr_assert_arr_eq(h.skid.bytes, new_key.id.bytes, 8);
    struct envelope e = parsed(buffer_bytes(&value), ENVELOPE_REPLY);
    cr_assert_eq(open_box(client, SEAL_INITIATOR, &new_key, &e, &body), RESULT_OK);
    buffer_free(&body);
    buffer_free(&value);
    keyring_free(rotated);
    keyring_free(client);
}

/* ---- signatures ----------------------------------------------------------------------------------------------- */

Test(seal, a_signature_verifies_under_the_senders_keys_only, .timeout = 5)
{
    struct principals *p = party_principals("ratelimit");
    const struct principal *ops = principals_find(p, TEXT("ops")), *backend = principals_find(p, TEXT("backend"));
    struct envelope e = parsed(WIRE(signed_request), ENVELOPE_REQUEST);
    uint8_t sig[64];

    cr_assert_eq(seal_verify(ops, &e), RESULT_OK, "signed by that seed");
    cr_assert_eq(seal_verify(backend, &e), RESULT_NOT_AUTHENTIC, "has no signs");
    for (size_t bit = 0; bit < 512; bit++) {
        memcpy(sig, e.sig.data, 64);
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct envelope bent = e;
        bent.sig.data = sig;
        cr_assert_eq(seal_verify(ops, &bent), RESULT_NOT_AUTHENTIC);
    }
    struct envelope moved = e;
    moved.header_bytes.len--;
    moved.box.data--;
    moved.box.len++;
    cr_assert_eq(seal_verify(ops, &moved), RESULT_NOT_AUTHENTIC, "the seam of header and box");
    principals_drop(p);

    struct keyring *unsigning = party_backend();
    cr_assert_eq(seal_sign(unsigning, e.header_bytes, e.box, sig), RESULT_NOT_FOUND);
    cr_assert_null(keyring_signer(unsigning));
    keyring_free(unsigning);
}

Test(seal, a_detached_signature_is_bound_to_its_context, .timeout = 5)
{
    struct keyring *k = party_ops(), *none = party_backend();
    uint8_t sig[64], expected[64], seed[32], public[32], secret[64];

    cr_assert_eq(sign_detached(k, TEXT("hlidka-alert-v1\n"), WIRE(body), sig), RESULT_OK);
    cr_assert_eq(verify_detached(keyring_signer(k)->public_key, TEXT("hlidka-alert-v1\n"), WIRE(body), sig), RESULT_OK);
    cr_assert_eq(verify_detached(keyring_signer(k)->public_key, TEXT("hlidka-receipt-v1\n"), WIRE(body), sig),
                 RESULT_NOT_AUTHENTIC);
    cr_assert_eq(verify_detached(wire_client_public, TEXT("hlidka-alert-v1\n"), WIRE(body), sig), RESULT_NOT_AUTHENTIC);
    cr_assert_eq(sign_detached(none, TEXT("hlidka-alert-v1\n"), WIRE(body), sig), RESULT_NOT_FOUND);

    /* Ed25519 over context ‖ body, as anybody would make it. */
    uint8_t text[16 + sizeof(wire_body)];
    memcpy(text, "hlidka-alert-v1\n", 16);
    memcpy(text + 16, wire_body, sizeof(wire_body));
    memset(seed, 0x33, sizeof(seed));
    crypto_sign_seed_keypair(public, secret, seed);
    crypto_sign_detached(expected, NULL, text, sizeof(text), secret);
    cr_assert_arr_eq(sig, expected, 64);
    keyring_free(none);
    keyring_free(k);
}

/* ---- key files ------------------------------------------------------------------------------------------------ */

Test(keyring, a_key_file_is_lines_of_base64_and_nothing_else, .timeout = 10)
{
    static const struct {
        const char *lines;
        enum result expected;
    } cases[] = {
        { BACKEND_KEY, RESULT_OK }, { BACKEND_KEY "\n", RESULT_OK }, { BACKEND_KEY "\n" EDGE_KEY "\n", RESULT_OK },
        { BACKEND_KEY "\n\n", RESULT_OK },
        { "", RESULT_DENIED }, { "\n", RESULT_DENIED },
        { "# comment\n" BACKEND_KEY "\n", RESULT_BAD_CONFIG }, { BACKEND_KEY " # mine\n", RESULT_BAD_CONFIG },
        { BACKEND_KEY "\n\n" EDGE_KEY, RESULT_BAD_CONFIG }, { BACKEND_KEY "\r\n" EDGE_KEY "\r\n", RESULT_BAD_CONFIG },
        { " " BACKEND_KEY "\n", RESULT_BAD_CONFIG }, { "RERERERE\n", RESULT_BAD_CONFIG },
        { BACKEND_KEY BACKEND_KEY, RESULT_BAD_CONFIG },
        { "ERERERERERERERERERERERERERERERERERERERERERE\n", RESULT_BAD_CONFIG },        /* no padding */
        { "ERERERERERERERERERERERERERERERERERERERERERF=\n", RESULT_BAD_CONFIG },       /* stray bits at the end */
        { BACKEND_KEY "\n" EDGE_KEY "\n" BACKEND_KEY "\n", RESULT_BAD_CONFIG },
    };
    struct buffer why;

    cr_assert_geq(sodium_init(), 0);
    buffer_init(&why, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct keyring *k = NULL;
        const char *path = party_file(cases[i].lines, strlen(cases[i].lines), 0600);

        buffer_reset(&why);
        cr_assert_eq(keyring_load(path, NULL, &k, &why), cases[i].expected, "%s", cases[i].lines);
        cr_assert_eq(cases[i].expected == RESULT_OK, why.len == 0);
        cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
        cr_assert_null(strstr((char *)why.data, "EREREREREREREREREREREREREREREREREREREREREREE"), "says no secret");
        cr_assert_null(strstr((char *)why.data, "RERERERE"), "says no secret: %s", (char *)why.data);
        keyring_free(k);
    }
    buffer_free(&why);
}

Test(keyring, a_key_file_that_others_may_read_is_denied, .timeout = 5)
{
    static const unsigned modes[] = { 0640, 0604, 0644, 0666, 0620 };
    struct buffer why;
    struct keyring *k = NULL;

    buffer_init(&why, 4096);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        cr_assert_eq(keyring_load(party_file(BACKEND_KEY, 44, modes[i]), NULL, &k, &why), RESULT_DENIED);
    cr_assert_eq(keyring_load(party_file(BACKEND_KEY, 44, 0600), party_file(SIGN_SEED, 44, 0644), &k, &why), RESULT_DENIED);
    cr_assert_eq(keyring_load("/nonexistent", NULL, &k, &why), RESULT_BAD_CONFIG);
    cr_assert_null(k);
    cr_assert_eq(keyring_load(party_file(BACKEND_KEY, 44, 0400), NULL, &k, &why), RESULT_OK);
    keyring_free(k);
    buffer_free(&why);
}
