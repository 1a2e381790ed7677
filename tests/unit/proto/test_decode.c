#include <criterion/criterion.h>
#include <stdio.h>

#include "audit.h"
#include "auth.h"
#include "codec.h"
#include "crypto.h"
#include "literal.h"
#include "ratelimit.h"

static struct arena arena;
static struct buffer body;
static uint8_t out[1024];
static struct field_errors errors;

static void set_up(void)
{
    arena_init(&arena, NULL, 0, 64 << 10);
    buffer_init(&body, 16 << 20);
}

static void tear_down(void)
{
    arena_reset(&arena);
    buffer_free(&body);
}

TestSuite(decode, .init = set_up, .fini = tear_down, .timeout = 20);

static enum result decode(const struct schema *s, const char *text)
{
    cr_assert(s->size <= sizeof out);
    return body_decode(s, literal(text, &body), &arena, out, &errors);
}

/* "/user_id too_long, /x unknown_field": what was found, in the order in which it was. */
static const char *told(void)
{
    static char text[4096];
    size_t len = 0;

    text[0] = 0;
    for (size_t i = 0; i < errors.count; i++) {
        struct text code = enum_field_code.values[errors.items[i].code];

        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s %.*s", i > 0 ? ", " : "",
                                TEXT_ARG(errors.items[i].pointer), TEXT_ARG(code));
    }
    return text;
}

struct refused {
    const struct schema *schema;
    const char *body;
    const char *errors;
};

#define CHECK &schema_ratelimit_check_request
#define RESET &schema_ratelimit_reset_request
#define REVOKE &schema_auth_session_revoke_request
#define LOGIN &schema_auth_login_telegram_widget_request
#define ENCRYPT &schema_crypto_encrypt_request
#define DECRYPT &schema_crypto_sealed_request
#define PUT &schema_crypto_audio_put_request
#define EVENT &schema_audit_event
#define QUERY &schema_audit_query_request
#define ID "0193b3a0-7c1e-7abc-8def-0123456789ab"
#define GOOD_EVENT "'type': 'app.x', 'time': 1, 'outcome': 'denied'"

static const struct refused refused[] = {
    /* the body as a whole */
    { CHECK, "", " bad_format" },
    { CHECK, "null", " wrong_type" },
    { CHECK, "['u-1', 'e']", " wrong_type" },
    { CHECK, "'body'", " wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e'} {'user_id': 'u', 'endpoint': 'e'}", " bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e'} <00>", " bad_format" },
    { CHECK, "<82 a7 75 73>", " bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'x': <c1>}", " bad_format" },
    { CHECK, "{'x': <91 91 91 91 91 91 91 91 01>}", " bad_format" },
    { CHECK, "{'x': <dd 04 00 00 00>}", " bad_format" },
    { CHECK, "<df ff ff ff ff a1 78 01>", " bad_format" },
    { CHECK, "{'x': <c6 ff ff ff ff>}", " bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': '%ff%fe'}", " bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'x': '%ed%a0%80'}", " bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', '%ff%fe': 1}", " bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 1: 1}", " wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', b'x': 1}", " wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', ['x']: {'y': 1}}", " wrong_type" },
    /* depth 8 is well formed */
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'x': [[[[[[[1]]]]]]]}", "/x unknown_field" },
    /* which keys */
    { CHECK, "{'user_id': 'u'}", "/endpoint required" },
    { CHECK, "{}", "/endpoint required, /user_id required, /ip required" },
    { CHECK, "{'endpoint': 'e'}", "/user_id required, /ip required" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'a/b~c': 1, 'ř': 2, '': 3, 'Cost': 1}",
      "/a~1b~0c unknown_field, /ř unknown_field, / unknown_field, /Cost unknown_field" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': 1, 'cost': 2}", "/cost duplicate" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'x': 1, 'x': 2}", "/x unknown_field" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'x': <d4 05 00>}", "/x unknown_field" },
    { REVOKE, "{}", "/user_id required, /session_id required" },
    { RESET, "{}", "/user_id required, /ip required" },
    { RESET, "{'user_id': 'u', 'ip': '192.0.2.1'}", "/ip bad_format" },
    { RESET, "{'user': 'u'}", "/user unknown_field, /user_id required, /ip required" },
    { &schema_auth_user_update_request, "{'user_id': 'u'}", "/roles required, /disabled required" },
    { &schema_nothing, "{'x': 1}", "/x unknown_field" },
    /* types: nil, float, bool and each other one is none of those asked */
    { CHECK, "{'user_id': null, 'endpoint': 'e'}", "/user_id wrong_type" },
    { CHECK, "{'user_id': <cb 3f f8 00 00 00 00 00 00>, 'endpoint': 'e'}", "/user_id wrong_type" },
    { CHECK, "{'user_id': b'u', 'endpoint': 'e'}", "/user_id wrong_type" },
    { CHECK, "{'user_id': [], 'endpoint': {}}", "/user_id wrong_type, /endpoint wrong_type" },
    { CHECK, "{'user_id': [[1], {'a': 2}], 'endpoint': 'e', 'tier': 1}",
      "/user_id wrong_type, /tier wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': '1', 'mode': 1}",
      "/cost wrong_type, /mode wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': true}", "/cost wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': <cb 3f f0 00 00 00 00 00 00>}", "/cost wrong_type" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': <d4 05 00>}", "/cost wrong_type" },
    { REVOKE, "{'user_id': 7, 'session_id': b'x', 'reason': []}",
      "/user_id wrong_type, /session_id wrong_type, /reason wrong_type" },
    { PUT, "{'offset': 0, 'data': 'text'}", "/data wrong_type, /media_type required, /size required" },
    { &schema_crypto_key_rotate_request, "{'ring': 'content', 'dry_run': 1}", "/dry_run wrong_type" },
    /* ranges */
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': -1}", "/cost out_of_range" },
    { QUERY, "{'from': 0, 'to': 9, 'limit': 0}", "/limit out_of_range" },
    { QUERY, "{'from': 0, 'to': 9, 'limit': 501}", "/limit out_of_range" },
    { QUERY, "{'from': 0, 'to': 9, 'limit': -1}", "/limit out_of_range" },
    { QUERY, "{'from': 0, 'to': 18446744073709551615}", "/to out_of_range" },
    { QUERY, "{'from': 9, 'to': 8}", "/to out_of_range" },
    { QUERY, "{'from': 9, 'to': 9}", "/to out_of_range" },
    { QUERY, "{'to': 8, 'from': 'now'}", "/from wrong_type" },
    { &schema_audit_log_consistency_request, "{'from_size': 3, 'to_size': 2}", "/to_size out_of_range" },
    { &schema_audit_log_consistency_request, "{'from_size': 0, 'to_size': 0}",
      "/from_size out_of_range, /to_size out_of_range" },
    { &schema_crypto_audio_get_request, "{'object_id': '" ID "', 'offset': 0, 'length': 524289}",
      "/length out_of_range" },
    /* lengths are in bytes, and come before the form */
    { CHECK, "{'user_id': 'u'*65, 'endpoint': 'e'*65}", "/user_id too_long, /endpoint too_long" },
    { CHECK, "{'user_id': ' '*65, 'endpoint': ''}", "/user_id too_long, /endpoint too_short" },
    { CHECK, "{'user_id': '', 'endpoint': 'e', 'tier': ''}", "/user_id too_short, /tier too_short" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'tier': 'ř'*17}", "/tier too_long" },
    { REVOKE, "{'user_id': 'u', 'session_id': '" ID "', 'reason': 'ř'*33}", "/reason too_long" },
    { PUT, "{'media_type': '', 'size': 1, 'offset': 0, 'data': b''}", "/data too_short" },
    { &schema_auth_login_telegram_webapp_request,
      "{'init_data': 'a'*4097, 'device': {'type': 'web', 'info': ''}}",
      "/init_data too_long" },
    { ENCRYPT, "{'items': []}", "/items too_short" },
    { ENCRYPT, "{'items': [{'plaintext': b'x', 'context': {}}]*65}", "/items too_long" },
    { &schema_auth_user_update_request, "{'user_id': 'u', 'roles': ['r']*33}", "/roles too_long" },
    { &schema_auth_user_update_request, "{'user_id': 'u', 'roles': ['r', '', 7, 'r'*65]}",
      "/roles/1 too_short, /roles/2 wrong_type, /roles/3 too_long" },
    /* forms */
    { CHECK, "{'user_id': 'two words', 'endpoint': 'lessons.*'}",
      "/user_id bad_format, /endpoint bad_format" },
    { CHECK, "{'user_id': 'u-1%0a', 'endpoint': 'a%0a'}", "/user_id bad_format, /endpoint bad_format" },
    { CHECK, "{'user_id': 'u%00x', 'endpoint': 'a%00'}", "/user_id bad_format, /endpoint bad_format" },
    { CHECK, "{'user_id': 'ž', 'endpoint': 'ž'}", "/user_id bad_format, /endpoint bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'a?b=1'}", "/endpoint bad_format" },
    { CHECK, "{'user_id': 'a/b', 'endpoint': 'a~b'}", "/user_id bad_format, /endpoint bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'mode': 'try'}", "/mode bad_format" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'mode': ''}", "/mode bad_format" },
    { CHECK, "{'ip': '', 'endpoint': 'e'}", "/ip bad_format" },
    { CHECK, "{'ip': '300.1.1.1', 'endpoint': 'e'}", "/ip bad_format" },
    { CHECK, "{'ip': 'fe80::1%25eth0', 'endpoint': 'e'}", "/ip bad_format" },
    { CHECK, "{'ip': '::1%00', 'endpoint': 'e'}", "/ip bad_format" },
    { REVOKE, "{'user_id': 'u', 'session_id': '0193b3a0'}", "/session_id bad_format" },
    { REVOKE, "{'user_id': 'u', 'session_id': '0193B3A0-7C1E-7ABC-8DEF-0123456789AB'}",
      "/session_id bad_format" },
    { &schema_auth_user_get_request, "{'telegram_id': '0123'}", "/telegram_id bad_format" },
    { &schema_auth_user_get_request, "{'telegram_id': '-5'}", "/telegram_id bad_format" },
    { &schema_auth_user_get_request, "{'telegram_id': '1'*20}", "/telegram_id too_long" },
    { &schema_auth_user_get_request, "{'telegram_id': 7}", "/telegram_id wrong_type" },
    { QUERY, "{'from': 0, 'to': 1, 'type': 'app.*x'}", "/type bad_format" },
    { &schema_crypto_key_import_request, "{'ring': 'content', 'realm': 'r', 'key': '?'*44}",
      "/ring bad_format, /key bad_format" },
    { &schema_crypto_key_import_request,
      "{'ring': 'fernet', 'realm': 'r', 'key': 'A'*44}", "/key bad_format" },
    { &schema_crypto_key_import_request,
      "{'ring': 'fernet', 'realm': 'r', 'key': 'A'*43}", "/key too_short" },
    /* inside objects, lists and free maps */
    { LOGIN, "{'fields': [], 'device': {'type': 5, 'info': 'i'*257, 'ip': '300.1.1.1', 'colour': 'red'}}",
      "/fields wrong_type, /device/type wrong_type, /device/info too_long, /device/ip bad_format, "
      "/device/colour unknown_field" },
    { LOGIN, "{'fields': {'id': '1', 'id': '2'}, 'device': {'type': 'web', 'info': 'a', 'info': 'b'}}",
      "/fields/id duplicate, /device/info duplicate" },
    { LOGIN, "{'fields': {'id': true, 'x': null, 3: 'y'}, 'device': {}}",
      "/fields/id wrong_type, /fields/x wrong_type, /fields wrong_type, /device/type required, "
      "/device/info required" },
    { ENCRYPT, "{'items': [{'context': {}, 'extra': 1}]}",
      "/items/0/extra unknown_field, /items/0/plaintext required" },
    { ENCRYPT, "{'items': [{'plaintext': b'x', 'context': {}}, {'plaintext': 'x', 'context': []}, 7]}",
      "/items/1/plaintext wrong_type, /items/1/context wrong_type, /items/2 wrong_type" },
    { ENCRYPT, "{'items': [{'plaintext': b'x'*524289, 'context': {}}]}", "/items/0/plaintext too_long" },
    { ENCRYPT, "{'items': [{'plaintext': b'x', 'context': {'a': 1, 'b': '', 'b': ''}}]}",
      "/items/0/context/a wrong_type, /items/0/context/b duplicate" },
    { ENCRYPT, "{'items': [{'plaintext': b'x', 'context': {'': 'v', 'a/b~': 'v'*257}}]}",
      "/items/0/context/ too_short, /items/0/context/a~1b~0 too_long" },
    { DECRYPT, "{'items': [{'ciphertext': b'x', 'context': {'k': 'ž'*129}}]}",
      "/items/0/context/k too_long" },
    { DECRYPT, "{'items': [{'ciphertext': b'x'*524897, 'context': {}}]}", "/items/0/ciphertext too_long" },
    { ENCRYPT, "{'items': [{'plaintext': b'', 'context': {'1': '', '2': '', '3': '', '4': '', '5': '',"
      " '6': '', '7': '', '8': '', '9': ''}}]}", "/items/0/context too_long" },
    { EVENT, "{" GOOD_EVENT ", 'attrs': {'a': <cb 3f f8 00 00 00 00 00 00>, 'b': b'x', "
      "'c': [1], 'd': 'x'*257}}",
      "/attrs/a wrong_type, /attrs/b wrong_type, /attrs/c wrong_type, /attrs/d too_long" },
    { EVENT, "{" GOOD_EVENT ", 'attrs': {'a': 1, 'a': 1}}", "/attrs/a duplicate" },
    { EVENT, "{'type': 'APP', 'time': -1, 'outcome': 'maybe', 'attrs': ['a']}",
      "/type bad_format, /time out_of_range, /outcome bad_format, /attrs wrong_type" },
    /* all kinds at once */
    { REVOKE, "{'user_id': 7, 'reason': 'r'*65, 'more': 1}",
      "/user_id wrong_type, /reason too_long, /more unknown_field, /session_id required" },
};

Test(decode, tells_every_fault_of_a_body_by_pointer_and_code)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct refused *c = &refused[i];

        arena_reset(&arena);
        cr_expect(decode(c->schema, c->body) == RESULT_MALFORMED, "%s", c->body);
        cr_expect_str_eq(told(), c->errors, "%s\n  told %s\n  not  %s", c->body, told(), c->errors);
    }
}

/* What is just within the bounds, and other ways to write the same. */
static const struct refused taken[] = {
    { CHECK, "{'user_id': 'A-z_0.9:', 'endpoint': 'POST/v1/lessons/{lesson_id}:create'}", "" },
    { CHECK, "{'user_id': 'u'*64, 'endpoint': 'e'*64, 'tier': 't'*32, 'cost': 18446744073709551615}", "" },
    { CHECK, "{'ip': '2001:DB8::1', 'endpoint': '/', 'cost': <d3 00 00 00 00 00 00 00 05>}", "" },
    { CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': <d0 05>}", "" },
    { CHECK, "<82 d9 07 75 73 65 72 5f 69 64 da 00 01 75 a8 65 6e 64 70 6f 69 6e 74 db 00 00 00 01 65>", "" },
    { QUERY, "{'from': 0, 'to': 1, 'limit': 500, 'type': 'app.*'}", "" },
    { QUERY, "{'from': 0, 'to': 9223372036854775807, 'type': '*', 'limit': 1}", "" },
    { EVENT, "{" GOOD_EVENT ", 'attrs': {'k'*64: 'x'*256, 'a': -9223372036854775808, 'b': false, "
      "'': 18446744073709551615}}",
      "" },
    { EVENT, "{" GOOD_EVENT ", 'user_agent': 'ř'*128, 'attrs': {}}", "" },
    { ENCRYPT, "{'items': [{'plaintext': b'x'*524288, 'context': {}}]}", "" },
    { ENCRYPT, "{'items': [{'plaintext': b'', 'context': {'k'*64: 'v'*256}}]*64, 'owner': 'u', 'kind': 'text'}",
      "" },
    { DECRYPT, "{'items': [{'ciphertext': b'x'*524896, 'context': {}}]}", "" },
    { PUT, "{'media_type': 'text/html', 'size': 18446744073709551615, 'offset': 9, 'data': b'x',"
           " 'ttl_s': 604800}", "" },
    { &schema_auth_code_request, "{'token': 'x'*9000, 'code': ''}", "" },
    { &schema_auth_revoked, "{'user_id': 'u', 'session_id': '" ID "', 'time': 1}", "" },
    { &schema_auth_revoked, "{'time': 1, 'instance': b'12345678'}", "" },
    { &schema_crypto_key_import_request,
      "{'ring': 'fernet', 'realm': 'r', 'key': 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4='}",
      "" },
    { &schema_nothing, "{}", "" },
    { &schema_nothing, "<df 00 00 00 00>", "" },
};

Test(decode, takes_what_is_just_within_the_bounds)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        arena_reset(&arena);
        cr_expect(decode(taken[i].schema, taken[i].body) == RESULT_OK, "%s: %s", taken[i].body, told());
    }
}

Test(decode, fills_in_what_was_left_out)
{
    struct ratelimit_check_request *check = (struct ratelimit_check_request *)out;
    struct crypto_audio_put_request *put = (struct crypto_audio_put_request *)out;
    struct auth_session_introspect_request *introspect = (struct auth_session_introspect_request *)out;

    cr_assert(decode(CHECK, "{'ip': '::ffff:192.0.2.7', 'endpoint': 'e'}") == RESULT_OK);
    cr_expect(check->cost == 1 && check->mode == RATELIMIT_CONSUME);
    cr_expect(!check->user_id.data && !check->tier.data);
    cr_expect(check->has_ip && check->ip.family == 4 && check->ip.bytes[3] == 7);

    cr_assert(decode(CHECK, "{'user_id': 'u', 'endpoint': 'e', 'cost': 0, 'mode': 'peek'}") == RESULT_OK);
    cr_expect(check->cost == 0 && check->mode == RATELIMIT_PEEK && !check->has_ip);

    cr_assert(decode(PUT, "{'media_type': 'm', 'size': 1, 'offset': 0, 'data': b'x'}") == RESULT_OK);
    cr_expect(put->ttl_s == 3600 && !put->has_object_id && !put->owner.data);

    cr_assert(decode(&schema_auth_session_introspect_request, "{'token': ''}") == RESULT_OK);
    cr_expect(introspect->touch && introspect->token.data && introspect->token.len == 0);
}

Test(decode, takes_the_integers_of_telegram_as_decimal)
{
    struct auth_login_telegram_widget_request *login = (struct auth_login_telegram_widget_request *)out;

    cr_assert(decode(LOGIN, "{'fields': {'id': 18446744073709551615, 'n': -7, 's': '1'},"
                            " 'device': {'type': 'ios', 'info': 'x'}}") == RESULT_OK);
    cr_assert(login->fields.count == 3);
    cr_expect(text_equal(login->fields.pairs[0].value, TEXT("18446744073709551615")));
    cr_expect(text_equal(login->fields.pairs[1].value, TEXT("-7")));
    cr_expect(text_equal(login->fields.pairs[2].value, TEXT("1")));
    cr_expect(login->device.type == AUTH_IOS && !login->device.id.data);
}

Test(decode, tells_at_most_32_faults)
{
    static char text[8192];
    size_t len = 0;

    for (unsigned i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s'f%u': 1", i ? ", " : "{", i);
    snprintf(text + len, sizeof text - len, "}");
    cr_assert(decode(CHECK, text) == RESULT_MALFORMED);
    cr_expect(errors.count == FIELD_ERRORS_MAX);
}

Test(decode, cuts_a_key_of_a_peer_between_characters)
{
    cr_assert(decode(CHECK, "{'user_id': 'u', 'endpoint': 'e', '~'*300: 1, 'ářžř'*1000: 1}") ==
              RESULT_MALFORMED);
    cr_assert(errors.count == 2);
    cr_expect(errors.items[0].pointer.len == 1 + 2 * 256);
    cr_expect(errors.items[1].pointer.len == 1 + 256);
    cr_assert(decode(CHECK, "{'user_id': 'u', 'endpoint': 'e', 'xářžř'*1000: 1}") == RESULT_MALFORMED);
    cr_expect(errors.items[0].pointer.len <= 1 + 256);
    cr_expect(((uint8_t)errors.items[0].pointer.data[errors.items[0].pointer.len - 1] & 0xC0) == 0x80);
}

Test(decode, needs_no_memory_for_a_flat_body)
{
    struct arena none;

    arena_init(&none, NULL, 0, 0);
    literal("{'user_id': 'u', 'endpoint': 'e', 'tier': 'free', 'cost': 2}", &body);
    cr_expect(body_decode(CHECK, buffer_bytes(&body), &none, out, &errors) == RESULT_OK);
    literal("{'items': [{'plaintext': b'', 'context': {}}]}", &body);
    cr_expect(body_decode(ENCRYPT, buffer_bytes(&body), &none, out, &errors) == RESULT_NO_MEMORY);
    arena_reset(&none);
}

/* The worst bodies that the tables admit and refuse must fit the arena that the header promises. */
Test(decode, fits_the_arena_that_is_promised)
{
    static char text[32 << 10];
    size_t len = 0;

    cr_expect(decode(ENCRYPT, "{'items': [{'plaintext': b'', 'context': {'1': '', '2': '', '3': '', '4': '',"
                              " '5': '', '6': '', '7': '', '8': ''}}]*64}") == RESULT_OK);
    arena_reset(&arena);
    for (unsigned i = 0; i < 32; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s'%.*s%c'*254: 1", i ? ", " : "{", 1, "~",
                                (char)('A' + i));
    snprintf(text + len, sizeof text - len, "}");
    cr_expect(decode(CHECK, text) == RESULT_MALFORMED && errors.count == 32);
}
