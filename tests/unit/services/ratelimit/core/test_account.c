#include "account.h"

#include <criterion/criterion.h>
#include <sodium.h>

static struct keys *keys;

static void setup(void)
{
    struct secret *file;

    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(secret_from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 44, &file), RESULT_OK);
    cr_assert_eq(keys_new(file, &keys), RESULT_OK);
    secret_free(file);
}

static void teardown(void)
{
    keys_free(keys);
}

TestSuite(account, .init = setup, .fini = teardown, .timeout = 5);

static bool same(enum scope scope, struct subject a, struct subject b)
{
    const struct policy p = { .scope = scope, .account = { 1 } };
    uint8_t x[POLICY_ACCOUNT_LEN], y[POLICY_ACCOUNT_LEN];

    account_id(keys, &p, &a, x);
    account_id(keys, &p, &b, y);
    return memcmp(x, y, sizeof(x)) == 0;
}

static struct subject at(const char *ip)
{
    struct subject s = { .endpoint = TEXT("e") };

    cr_assert_eq(ip_parse(text_of(ip), &s.ip), RESULT_OK, "%s", ip);
    return s;
}

Test(account, an_address_counts_as_its_network)
{
    static const struct {
        const char *one, *other;
        bool same;
    } CASES[] = {
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true },
        { "2001:db8:1:2::1", "2001:db8:1:3::1", false },
        { "2001:db8:1:2::1", "2001:db8:0:2::1", false },
        { "192.0.2.1", "192.0.2.2", false },
        { "::ffff:192.0.2.1", "192.0.2.1", true },
        { "64:ff9b::192.0.2.1", "192.0.2.1", true },
        { "64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false },
        { "64:ff9b::1:192.0.2.1", "192.0.2.1", false },         /* only near the /96 */
        { "64:ff9b:1::192.0.2.1", "192.0.2.1", false },
        { "64:ff9a::192.0.2.1", "192.0.2.1", false },
        { "c000:201::", "192.0.2.1", false },                   /* the same leading bytes, another family */
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_expect_eq(same(SCOPE_IP, at(CASES[i].one), at(CASES[i].other)), CASES[i].same, "%s and %s", CASES[i].one,
                     CASES[i].other);
}

Test(account, counts_by_its_scope_and_by_nothing_else)
{
    const struct subject base = { .user = TEXT("u1"), .endpoint = TEXT("a") };
    const struct subject elsewhere = { .user = TEXT("u1"), .endpoint = TEXT("b") };
    const struct subject other = { .user = TEXT("u2"), .endpoint = TEXT("a") };
    const struct subject shifted = { .user = TEXT("u"), .endpoint = TEXT("1a") };

    cr_expect(same(SCOPE_USER, base, elsewhere));
    cr_expect_not(same(SCOPE_USER, base, other));
    cr_expect_not(same(SCOPE_USER_ENDPOINT, base, elsewhere));
    cr_expect_not(same(SCOPE_USER_ENDPOINT, base, shifted));
    cr_expect(same(SCOPE_GLOBAL, base, other));
    cr_expect_not(subject_has(&base, SCOPE_IP));
    cr_expect(subject_has(&base, SCOPE_USER) && subject_has(&base, SCOPE_GLOBAL));
    const struct subject address = at("192.0.2.1");
    cr_expect(subject_has(&address, SCOPE_IP) && !subject_has(&address, SCOPE_USER_ENDPOINT));
}

Test(account, records_of_two_principals_do_not_meet)
{
    const struct uuid id = { { 7 } }, other = { { 8 } };
    uint8_t a[RECORD_ID_LEN], b[RECORD_ID_LEN], c[RECORD_ID_LEN];

    record_id(keys, TEXT("backend"), &id, a);
    record_id(keys, TEXT("edge"), &id, b);
    record_id(keys, TEXT("backend"), &other, c);
    cr_expect(memcmp(a, b, sizeof(a)) != 0 && memcmp(a, c, sizeof(a)) != 0);
}
