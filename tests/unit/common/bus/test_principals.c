#include "principals.h"

#include "parties.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

/* Public keys of X25519 secrets 32 times 1, 2, 3, and Ed25519 public keys of such seeds. */
#define K1 "pOCSKrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk="
#define K2 "zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk="
#define S1 "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="

static struct principals *parse(const char *yaml, struct buffer *why)
{
    struct principals *p = NULL;

    cr_assert_geq(sodium_init(), 0);
    buffer_reset(why);
    enum result r = principals_parse(text_bytes(text_of(yaml)), "p.yaml", &p, why);
    cr_assert_eq(r == RESULT_OK, p != NULL);
    if (r)
        cr_assert_eq(r, RESULT_BAD_CONFIG);
    return p;
}

Test(principals, are_found_with_their_keys_and_grants, .timeout = 5)
{
    struct principals *p = party_principals("ratelimit");
    const struct principal *backend = principals_find(p, TEXT("backend")), *ops = principals_find(p, TEXT("ops"));

    cr_assert_eq(principals_count(p), 4);
    cr_assert(backend && ops && principals_find(p, TEXT("edge")) && principals_find(p, TEXT("ratelimit")));
    static const char *const strangers[] = { "", "nobody", "backen", "backend2", "Backend" };
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
        cr_assert_null(principals_find(p, text_of(strangers[i])));
    cr_assert_null(principals_find(p, TEXT("ops\0")));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(principals_at(p, i)->index == i && principals_find(p, principals_at(p, i)->name) == principals_at(p, i));
    cr_assert_null(principals_at(p, 4));

    cr_assert_eq(principal_key_find(backend, &backend->keys[0].id), &backend->keys[0]);
    cr_assert_null(principal_key_find(backend, &ops->keys[0].id));
    cr_assert(text_equal(backend->realm, backend->name));
    cr_assert(principal_may(backend, TEXT("auth.session.list"), false) &&
              !principal_may(backend, TEXT("auth.user.update"), true));
    cr_assert(principal_may(ops, TEXT("auth.user.update"), true) && principal_may_event(backend, TEXT("app.x")));
    cr_assert(!principal_may(backend, TEXT("audit.query"), false) && !principal_may_event(ops, TEXT("log.gap")));
    principals_drop(p);
}

Test(principals, key_ids_are_the_head_of_blake2b_256, .timeout = 5)
{
    /* By Python: hashlib.blake2b(bytes(32), digest_size=32).hexdigest()[:16] */
    static const uint8_t zero[32], expected[8] = { 0x89, 0xeb, 0x0d, 0x6a, 0x8a, 0x69, 0x1d, 0xae };
    struct key_id id = key_id_of(zero);

    cr_assert_arr_eq(id.bytes, expected, 8);
}

Test(principals, take_every_form_of_the_contract, .timeout = 5)
{
    struct buffer why;

    buffer_init(&why, 4096);
    struct principals *p = parse("principals:\n"
                                 "  app-2_b:\n    keys: [\"" K1 "\", \"" K2 "\"]\n    signs: [" S1 "]\n    realm: old-name\n"
                                 "    may: [\"*\", \"auth.*\", auth.authorize, \"event:app.*\", \"event:auth.login\"]\n", &why);
    cr_assert(p, "%.*s", (int)why.len, why.data ? (char *)why.data : "");
    const struct principal *who = principals_at(p, 0);
    cr_assert(who->key_count == 2 && who->sign_count == 1 && who->grant_count == 5);
    cr_assert(text_equal(who->realm, TEXT("old-name")) && text_equal(who->name, TEXT("app-2_b")));
    principals_drop(p);
    p = parse("principals:\n  a: { keys: [" K1 "], signs: [] }\n", &why);
    cr_assert(p && principals_at(p, 0)->grant_count == 0 && !principal_may(principals_at(p, 0), TEXT("auth.x"), false));
    principals_drop(p);
    buffer_free(&why);
}

Test(principals, a_file_with_any_mistake_is_refused_whole_and_says_where, .timeout = 10)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        { "", "" },
        { "[]", "principals" }, { "principals: []\n", "principals" }, { "principals: {}\n", "principals" },
        { "people: {}\n", "principals" },
        { "principals:\n  a: { keys: [" K1 "] }\nmore: 1\n", "more" },
        { "principals:\n  a: { keys: [" K1 "], colour: red }\n", "colour" },
        { "principals:\n  a: { may: [\"*\"] }\n", "no keys" },
        { "principals:\n  a: [" K1 "]\n", "map" },
        { "principals:\n  a: { keys: [] }\n", "1 to 8" },
        { "principals:\n  a: { keys: " K1 " }\n", "1 to 8" },
        { "principals:\n  a: { keys: [xyz] }\n", "base64" },
        { "principals:\n  a: { keys: [\"" K1 " \"] }\n", "base64" },
        { "principals:\n  a: { keys: [pOCSKrZRwni5dyxWn1-puxPZBrRqtoyd-dwrRAn4ogk=] }\n", "base64" },
        { "principals:\n  a: { keys: [pOCSKrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk] }\n", "base64" },
        /* stray bits at the end */
        { "principals:\n  a: { keys: [pOCSKrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogl=] }\n", "base64" },
        { "principals:\n  a: { keys: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=] }\n", "usable" },
        { "principals:\n  a: { keys: [AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=] }\n", "usable" },
        { "principals:\n  a: { keys: [4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=] }\n", "usable" },     /* of order 8 */
        { "principals:\n  a: { keys: [" K1 "], signs: [AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=] }\n", "usable" },
        { "principals:\n  a: { keys: [" K1 ", " K1 "] }\n", "twice" },
        { "principals:\n  a: { keys: [" K1 "] }\n  b: { keys: [" K1 "] }\n", "twice" },
        { "principals:\n  a: { keys: [" K1 "], signs: [" S1 "] }\n  b: { keys: [" K2 "], signs: [" S1 "] }\n", "twice" },
        { "principals:\n  a: { keys: [" K1 "], signs: [" S1 "] }\n  b: { keys: [" K2 ", " S1 "] }\n", "twice" },
        { "principals:\n  a: { keys: [" K1 "] }\n  a: { keys: [" K2 "] }\n", "a" },
        { "principals:\n  A: { keys: [" K1 "] }\n", "name" },
        { "principals:\n  -a: { keys: [" K1 "] }\n", "name" },
        { "principals:\n  \"a b\": { keys: [" K1 "] }\n", "name" },
        { "principals:\n  \"\": { keys: [" K1 "] }\n", "name" },
        { "principals:\n  a.b: { keys: [" K1 "] }\n", "name" },
        { "principals:\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: { keys: [" K1 "] }\n", "name" },
        { "principals:\n  a: { keys: [" K1 "], realm: \"A B\" }\n", "realm" },
        { "principals:\n  a: { keys: [" K1 "], may: [\"auth.*.x\"] }\n", "grant" },
        { "principals:\n  a: { keys: [" K1 "], may: \"*\" }\n", "may" },
        { "principals:\n  a: { keys: [" K1 "], may: [[\"*\"]] }\n", "may" },
        { "principals:\n  a: { keys: [" K1 "], may: [\"event:log.gap\"] }\n", "grant" },
    };
    struct buffer why;

    buffer_init(&why, 1 << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_null(parse(cases[i].yaml, &why), "%s", cases[i].yaml);
        cr_assert_gt(why.len, 0, "%s", cases[i].yaml);
        cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
        cr_assert_not_null(strstr((char *)why.data, cases[i].says), "%s said: %s", cases[i].yaml, (char *)why.data);
        cr_assert_not_null(strstr((char *)why.data, "p.yaml"), "%s", (char *)why.data);
    }
    buffer_free(&why);
}

Test(principals, all_mistakes_are_told_at_once, .timeout = 5)
{
    struct buffer why;

    buffer_init(&why, 1 << 16);
    cr_assert_null(parse("principals:\n  A: { keys: [x, " K1 "], may: [\"a b\"] }\n  b: { colour: red }\n", &why));
    cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
    static const char *const told[] = { "p.yaml:2: not a name", "p.yaml:2: not the base64", "p.yaml:2: not a grant", "colour",
                                        "no keys" };
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        cr_assert_not_null(strstr((char *)why.data, told[i]), "%s in: %s", told[i], (char *)why.data);
    buffer_free(&why);
}

Test(principals, live_while_somebody_holds_them, .timeout = 5)
{
    struct principals *p = party_principals("auth"), *again = principals_hold(p);

    principals_drop(p);
    cr_assert_not_null(principals_find(again, TEXT("backend")));
    principals_drop(again);
    principals_drop(NULL);
}

Test(principals, a_file_that_is_not_there_is_bad_configuration, .timeout = 5)
{
    struct principals *p = NULL;
    struct buffer why;

    buffer_init(&why, 4096);
    cr_assert_eq(principals_load("/nonexistent/principals.yaml", &p, &why), RESULT_BAD_CONFIG);
    cr_assert_gt(why.len, 0);
    buffer_free(&why);
}
