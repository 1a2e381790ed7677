#include "route_key.h"

#include <criterion/criterion.h>
#include <sodium.h>

#include "hlidka.h"

static const uint8_t RANDOM[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static struct route_key key_of(const char *service, const char *name, const char *value)
{
    struct hlidka_body *b = hlidka_body_new();
    struct route_key key;

    hlidka_put_uint(b, "other", 1);
    if (name)
        hlidka_put_text(b, name, value);
    struct hlidka_bytes m = hlidka_body_bytes(b);
    route_key_request(text_of(service), (struct bytes){ m.data, m.len }, RANDOM, &key);
    hlidka_body_free(b);
    return key;
}

static void hashed(const struct route_key *key, const char *canonical)
{
    uint8_t hash[32];

    crypto_generichash(hash, 32, (const uint8_t *)canonical, strlen(canonical), NULL, 0);
    cr_assert(key->len == 2 && memcmp(key->bytes, hash, 2) == 0, "%s", canonical);
}

Test(route_key, a_person_is_named_by_id_an_address_and_a_telegram_id_only_hashed, .timeout = 5)
{
    struct route_key key = key_of("ratelimit", "user_id", "u-1");

    cr_assert(key.len == 3 && memcmp(key.bytes, "u-1", 3) == 0);
    key = key_of("ratelimit", "ip", "::ffff:192.0.2.1");
    hashed(&key, "192.0.2.1");
    key = key_of("audit", "ip", "2001:DB8::1");
    hashed(&key, "2001:db8::1");
    key = key_of("auth", "telegram_id", "12345");
    hashed(&key, "12345");
    key = key_of("crypto", "object_id", "o-1");
    cr_assert(key.len == 3 && memcmp(key.bytes, "o-1", 3) == 0);
}

Test(route_key, of_a_token_only_the_selector_is_taken, .timeout = 5)
{
    char token[69] = "hls_AAECAwQFBgcICQoLDA0ODw";

    memset(token + 26, 'B', 42);
    struct route_key key = key_of("auth", "token", token);
    cr_assert_eq(key.len, 16);
    for (uint8_t i = 0; i < 15; i++)
        cr_assert_eq(key.bytes[i], i);
}

Test(route_key, what_names_nobody_goes_anywhere, .timeout = 5)
{
    static const char *const CASES[][3] = {
        { "crypto", NULL, NULL },        { "crypto", "user_id", "u-1" }, { "ratelimit", "ip", "not an address" },
        { "auth", "token", "hls_short" }, { "audit", NULL, NULL },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct route_key key = key_of(CASES[i][0], CASES[i][1], CASES[i][2]);
        cr_assert(key.len == 8 && memcmp(key.bytes, RANDOM, 8) == 0, "case %zu", i);
    }
}

Test(route_key, a_body_that_is_none_is_no_harm, .timeout = 5)
{
    static const char *const BODIES[] = { "", "\x81", "\x81\xa7user_id", "\xdf\xff\xff\xff\xff", "\xc1", "\x91\x01" };
    struct route_key key;

    for (size_t i = 0; i < sizeof(BODIES) / sizeof(BODIES[0]); i++) {
        route_key_request(TEXT("auth"), text_bytes(text_of(BODIES[i])), RANDOM, &key);
        cr_assert_eq(key.len, 8, "case %zu", i);
    }
    route_key_event(TEXT("backend"), text_bytes(TEXT("\x80")), &key);
    cr_assert(key.len == 7 && memcmp(key.bytes, "backend", 7) == 0);
}
