#include "init_data.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define BOT "7000000001:AAtest-test_test"
#define NOW UINT64_C(1700000000)

static struct telegram_bot bot;

static void setup(void)
{
    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(telegram_bot_open(TEXT(BOT), &bot), RESULT_OK);
}

static void teardown(void)
{
    telegram_bot_close(&bot);
}

TestSuite(telegram, .init = setup, .fini = teardown, .timeout = 10);

/* ---- what Telegram would do -------------------------------------------------------------------------------------- */

#define FIELDS 8

struct form {
    struct telegram_field f[FIELDS];
    size_t count;
    char hash[65], text[512];
};

static int by_bytes(const void *a, const void *b)
{
    const struct telegram_field *x = a, *y = b;
    int order = memcmp(x->key.data, y->key.data, x->key.len < y->key.len ? x->key.len : y->key.len);

    return order ? order : (int)x->key.len - (int)y->key.len;
}

static void set(struct form *form, const char *key, struct text value)
{
    for (size_t i = 0; i < form->count; i++)
        if (text_equal(form->f[i].key, text_of(key))) {
            form->f[i].value = value;
            return;
        }
    form->f[form->count++] = (struct telegram_field){ text_of(key), value };
}

/* With OpenSSL, over a text put together first; the code under test does neither. */
static void sign_with(struct form *form, const uint8_t key[32])
{
    uint8_t mac[32];
    size_t len = 0;

    qsort(form->f, form->count, sizeof(form->f[0]), by_bytes);
    for (size_t i = 0; i < form->count; i++)
        len += (size_t)snprintf(form->text + len, sizeof(form->text) - len, "%s%.*s=%.*s", i ? "\n" : "",
                                TEXT_ARG(form->f[i].key), TEXT_ARG(form->f[i].value));
    HMAC(EVP_sha256(), key, 32, (const uint8_t *)form->text, len, mac, NULL);
    sodium_bin2hex(form->hash, sizeof(form->hash), mac, 32);
    set(form, "hash", text_of(form->hash));
}

static void sign(struct form *form, const char *token)
{
    uint8_t key[32];

    EVP_Digest(token, strlen(token), key, NULL, EVP_sha256(), NULL);
    sign_with(form, key);
}

static void sign_webapp(struct form *form, const char *token)
{
    uint8_t key[32];

    HMAC(EVP_sha256(), "WebAppData", 10, (const uint8_t *)token, strlen(token), key, NULL);
    sign_with(form, key);
}

static struct form person(void)
{
    struct form form = { .count = 0 };

    set(&form, "id", TEXT("7000000123"));
    set(&form, "first_name", TEXT("Jiřina"));
    set(&form, "auth_date", TEXT("1700000000"));
    return form;
}

static enum result verify(struct form *form, struct telegram_login *out)
{
    return telegram_verify_widget(&bot, form->f, form->count, out);
}

/* ---- signatures -------------------------------------------------------------------------------------------------- */

Test(telegram, what_telegram_signed_is_taken)
{
    struct form form = person();
    struct telegram_login login;

    sign(&form, BOT);
    cr_assert_eq(verify(&form, &login), RESULT_OK);
    cr_expect_str_eq(login.id, "7000000123");
    cr_expect_eq(login.auth_date_s, NOW);
    for (size_t i = 0; i < 32; i++) {
        char hex[3];

        snprintf(hex, sizeof(hex), "%02x", login.hash[i]);
        cr_expect_eq(memcmp(hex, form.hash + 2 * i, 2), 0);
    }
}

Test(telegram, a_changed_set_is_refused)
{
    struct telegram_login login;
    struct form form = person();

    sign(&form, "7000000001:another");
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "another bot");
    form = person();
    sign(&form, BOT);
    set(&form, "first_name", TEXT("Eva"));
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "a field changed");
    form = person();
    sign(&form, BOT);
    set(&form, "last_name", TEXT(""));
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "a field more");
    form = person();
    sign(&form, BOT);
    form.f[0] = form.f[--form.count];
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "a field less");
    form = person();
    sign(&form, BOT);
    form.f[form.count++] = (struct telegram_field){ TEXT("id"), TEXT("7000000123") };
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "a field twice");
    cr_expect_eq(telegram_verify_widget(&bot, form.f, 0, &login), RESULT_NOT_AUTHENTIC, "nothing");
}

Test(telegram, the_hash_is_lower_case_hex_of_its_length)
{
    struct telegram_login login;
    struct form form = person();
    char bent[80];

    sign(&form, BOT);
    for (size_t i = 0; i < 64; i++) {
        memcpy(bent, form.hash, 65);
        bent[i] = bent[i] == '0' ? '1' : '0';
        set(&form, "hash", text_of(bent));
        cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "%zu", i);
    }
    for (size_t i = 0; i < 65; i++)
        bent[i] = (char)(form.hash[i] >= 'a' && form.hash[i] <= 'f' ? form.hash[i] - 32 : form.hash[i]);
    set(&form, "hash", text_of(bent));
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "capitals");
    for (size_t len = 0; len < 64; len++) {
        set(&form, "hash", (struct text){ form.hash, len });
        cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "%zu", len);
    }
    snprintf(bent, sizeof(bent), "%s00", form.hash);
    set(&form, "hash", text_of(bent));
    cr_expect_eq(verify(&form, &login), RESULT_NOT_AUTHENTIC, "longer");
}

/* Signed all the same: what Telegram's rules let pass and ours do not. */
static const struct {
    const char *key;
    struct text value;
    enum result expected;
} FORMS[] = {
    { "id", TEXT("1"), RESULT_OK },
    { "id", TEXT("9999999999999999999"), RESULT_OK },
    { "id", TEXT("12345678901234567890"), RESULT_NOT_AUTHENTIC },
    { "id", TEXT("0"), RESULT_NOT_AUTHENTIC },
    { "id", TEXT("0123"), RESULT_NOT_AUTHENTIC },
    { "id", TEXT("-5"), RESULT_NOT_AUTHENTIC },
    { "id", TEXT("+5"), RESULT_NOT_AUTHENTIC },
    { "id", TEXT("me"), RESULT_NOT_AUTHENTIC },
    { "id", TEXT(""), RESULT_NOT_AUTHENTIC },
    { "auth_date", TEXT("0"), RESULT_OK },
    { "auth_date", TEXT("99999999999999999999999"), RESULT_OK },
    { "auth_date", TEXT("00"), RESULT_NOT_AUTHENTIC },
    { "auth_date", TEXT("+1700000000"), RESULT_NOT_AUTHENTIC },
    { "auth_date", TEXT(" 1700000000"), RESULT_NOT_AUTHENTIC },
    { "auth_date", TEXT("1700000000.0"), RESULT_NOT_AUTHENTIC },
    { "auth_date", TEXT(""), RESULT_NOT_AUTHENTIC },
    { "first_name", TEXT(""), RESULT_OK },
    { "first_name", TEXT("A=b&c d"), RESULT_OK },
    { "first_name", TEXT("A\nid=1"), RESULT_NOT_AUTHENTIC },
    { "first_name", TEXT("A\t"), RESULT_NOT_AUTHENTIC },
    { "first_name", TEXT("\x1f"), RESULT_NOT_AUTHENTIC },
    { "k", TEXT("x"), RESULT_OK },
    { "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", TEXT("x"), RESULT_OK },
    { "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", TEXT("x"), RESULT_NOT_AUTHENTIC },
    { "Name", TEXT("x"), RESULT_NOT_AUTHENTIC },
    { "name1", TEXT("x"), RESULT_NOT_AUTHENTIC },
    { "a=b", TEXT("x"), RESULT_NOT_AUTHENTIC },
    { "", TEXT("x"), RESULT_NOT_AUTHENTIC },
};

Test(telegram, only_what_has_one_text_is_taken)
{
    struct telegram_login login;

    for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
        struct form form = person();

        set(&form, FORMS[i].key, FORMS[i].value);
        sign(&form, BOT);
        cr_expect_eq(verify(&form, &login), FORMS[i].expected, "%zu: %s=%s", i, FORMS[i].key, FORMS[i].value.data);
    }
    for (size_t missing = 0; missing < 3; missing++) {
        struct form form = person();
        bool needed = !text_equal(form.f[missing].key, TEXT("first_name"));

        form.f[missing] = form.f[--form.count];
        sign(&form, BOT);
        cr_expect_eq(verify(&form, &login), needed ? RESULT_NOT_AUTHENTIC : RESULT_OK, "without %zu", missing);
    }
}

Test(telegram, a_date_beyond_reckoning_is_far_ahead)
{
    struct form form = person();
    struct telegram_login login;

    set(&form, "auth_date", TEXT("18446744073709551616"));
    sign(&form, BOT);
    cr_assert_eq(verify(&form, &login), RESULT_OK);
    cr_expect(!telegram_fresh(login.auth_date_s, UINT64_MAX, NOW * 1000));
}

static const struct {
    int64_t age_ms;
    bool fresh;
} AGES[] = {
    { 0, true }, { 86400000, true }, { 86400001, false }, { -60000, true }, { -60001, false },
};

Test(telegram, a_login_is_fresh_for_its_age_and_a_minute_ahead)
{
    for (size_t i = 0; i < sizeof(AGES) / sizeof(AGES[0]); i++)
        cr_expect_eq(telegram_fresh(NOW, 86400000, NOW * 1000 + (uint64_t)AGES[i].age_ms), AGES[i].fresh, "%zu", i);
    cr_expect(!telegram_fresh(0, 86400000, NOW * 1000));
    cr_expect(!telegram_fresh(UINT64_MAX / 1000, 86400000, NOW * 1000));
}

Test(telegram, a_claim_is_read_without_proof_and_only_if_it_is_an_id)
{
    struct form form = person();
    char id[TELEGRAM_ID_MAX + 1];

    telegram_claimed_widget(form.f, form.count, id);
    cr_expect_str_eq(id, "7000000123");
    telegram_claimed_webapp(form.f, form.count, id);
    cr_expect_str_eq(id, "");
    set(&form, "id", TEXT("0123"));
    telegram_claimed_widget(form.f, form.count, id);
    cr_expect_str_eq(id, "");
    set(&form, "user", TEXT("{\"id\":42}"));
    telegram_claimed_webapp(form.f, form.count, id);
    cr_expect_str_eq(id, "42");
    telegram_claimed_widget(form.f, 0, id);
    cr_expect_str_eq(id, "");
}

/* ---- web apps ---------------------------------------------------------------------------------------------------- */

static struct form app(const char *user)
{
    struct form form = { .count = 0 };

    set(&form, "auth_date", TEXT("1700000000"));
    set(&form, "query_id", TEXT("AAE"));
    set(&form, "user", text_of(user));
    return form;
}

Test(telegram, a_web_app_says_who_it_is_in_its_user)
{
    struct form form = app("{\"first_name\":\"Jiřina\",\"id\":42}");
    struct telegram_login login;

    sign_webapp(&form, BOT);
    cr_assert_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_OK);
    cr_expect_str_eq(login.id, "42");
    cr_expect_eq(login.auth_date_s, NOW);
    form = app("{}");
    sign_webapp(&form, BOT);
    cr_expect_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_NOT_AUTHENTIC, "nobody");
    form.count = 2;                     /* date and query: signed, and no user */
    sign_webapp(&form, BOT);
    cr_expect_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_NOT_AUTHENTIC, "no user");
}

Test(telegram, a_web_app_and_a_widget_do_not_pass_for_each_other)
{
    struct form form = app("{\"id\":42}");
    struct telegram_login login;

    set(&form, "id", TEXT("42"));
    sign_webapp(&form, BOT);
    cr_expect_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_OK);
    cr_expect_eq(telegram_verify_widget(&bot, form.f, form.count, &login), RESULT_NOT_AUTHENTIC);
    form = app("{\"id\":42}");
    set(&form, "id", TEXT("42"));
    sign(&form, BOT);
    cr_expect_eq(telegram_verify_widget(&bot, form.f, form.count, &login), RESULT_OK);
    cr_expect_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_NOT_AUTHENTIC);
    form = app("{\"id\":42}");
    sign_webapp(&form, "7000000001:another");
    cr_expect_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_NOT_AUTHENTIC, "another bot");
    form = app("{\"id\":42}");
    sign_webapp(&form, BOT);
    set(&form, "user", TEXT("{\"id\":43}"));
    cr_expect_eq(telegram_verify_webapp(&bot, form.f, form.count, &login), RESULT_NOT_AUTHENTIC, "another user");
}

/* ---- the bot's token --------------------------------------------------------------------------------------------- */

static const struct {
    struct text token;
    bool sound;
} TOKENS[] = {
    { TEXT("123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"), true }, { TEXT("42:TEST"), true },
    { TEXT(""), false }, { TEXT(":"), false }, { TEXT("42"), false }, { TEXT("42:"), false }, { TEXT(":TEST"), false },
    { TEXT("a42:TEST"), false }, { TEXT("42:TE ST"), false }, { TEXT("42:TE\nST"), false }, { TEXT("42:TEST:"), false },
    { TEXT("42:TEST\0"), false }, { TEXT("12345678901234567890:TEST"), false }, { TEXT("-42:TEST"), false },
};

Test(telegram, a_malformed_bot_token_is_refused)
{
    for (size_t i = 0; i < sizeof(TOKENS) / sizeof(TOKENS[0]); i++) {
        struct telegram_bot b = { NULL, NULL };
        enum result r = telegram_bot_open(TOKENS[i].token, &b);

        cr_expect_eq(r, TOKENS[i].sound ? RESULT_OK : RESULT_BAD_CONFIG, "%zu", i);
        telegram_bot_close(&b);
    }
}

/* ---- the published example --------------------------------------------------------------------------------------- */

/* A paragraph of the vectors' README: token `T`: id=…, …, auth_date=N -> hash `H`; or token `T`; `init data`. */
static char *published(const char *title)
{
    static char text[16384];
    const char *dir = getenv("HLIDKA_VECTORS");
    char path[512];

    snprintf(path, sizeof(path), "%s/README.md", dir ? dir : "../shared/vectors");
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "skipped: %s is not there\n", path);
        return NULL;
    }
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    char *at = strstr(text, title);
    cr_assert(at, "%s has no %s", path, title);
    at[strcspn(at, "\n")] = '\0';
    return at;
}

/* The run within the next pair of backticks, which it cuts out; NULL when there is none. */
static char *quoted(char **at)
{
    strsep(at, "`");
    return *at ? strsep(at, "`") : NULL;
}

Test(telegram, the_published_example_verifies)
{
    char *at = published("**Telegram login widget**");

    if (!at)
        return;
    const char *token = quoted(&at);
    struct form form = { .count = 0 };
    struct telegram_bot theirs;
    struct telegram_login login;
    char *list = strstr(at, "id=");
    char *end = strstr(list, " →");

    cr_assert(token && list && end);
    *end = '\0';
    at = end + 1;
    for (char *pair; (pair = strsep(&list, ", "));) {
        if (!*pair)
            continue;
        char *value = strchr(pair, '=');

        cr_assert(value && form.count < FIELDS - 1);
        *value++ = '\0';
        form.f[form.count++] = (struct telegram_field){ text_of(pair), text_of(value) };
    }
    set(&form, "hash", text_of(quoted(&at)));
    cr_assert_eq(telegram_bot_open(text_of(token), &theirs), RESULT_OK);
    cr_expect_eq(telegram_verify_widget(&theirs, form.f, form.count, &login), RESULT_OK);
    for (size_t i = 0; i < form.count; i++)
        if (text_equal(form.f[i].key, TEXT("username")))
            form.f[i] = form.f[--form.count];
    cr_expect_eq(telegram_verify_widget(&theirs, form.f, form.count, &login), RESULT_NOT_AUTHENTIC);
    telegram_bot_close(&theirs);
}

Test(telegram, the_published_init_data_verifies)
{
    char *at = published("**Telegram web app**"), memory[1024];
    struct telegram_field fields[TELEGRAM_FIELDS_MAX];
    struct telegram_bot theirs;
    struct telegram_login login;
    size_t count;

    if (!at)
        return;
    const char *token = quoted(&at), *data = quoted(&at);
    cr_assert(token && data && strlen(data) <= sizeof(memory));
    cr_assert_eq(telegram_bot_open(text_of(token), &theirs), RESULT_OK);
    cr_assert_eq(init_data_split(text_of(data), memory, fields, &count), RESULT_OK);
    cr_expect_eq(telegram_verify_webapp(&theirs, fields, count, &login), RESULT_OK);
    cr_expect_str_eq(login.id, "42");
    cr_expect_eq(login.auth_date_s, 1650385342);
    cr_expect_eq(telegram_verify_webapp(&bot, fields, count, &login), RESULT_NOT_AUTHENTIC);
    telegram_bot_close(&theirs);
}
