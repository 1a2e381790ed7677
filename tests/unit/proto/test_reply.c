#include <criterion/criterion.h>

#include "codec.h"
#include "literal.h"
#include "ratelimit.h"

static struct arena arena;
static struct buffer written, wanted;
static struct reply reply;

static void set_up(void)
{
    arena_init(&arena, NULL, 0, 64 << 10);
    buffer_init(&written, 1 << 20);
    buffer_init(&wanted, 1 << 20);
}

static void tear_down(void)
{
    arena_reset(&arena);
    buffer_free(&written);
    buffer_free(&wanted);
}

TestSuite(reply, .init = set_up, .fini = tear_down, .timeout = 5);

Test(reply, of_a_result_is_read_by_the_client)
{
    struct ratelimit_reset_result in = { .reset = 3 }, out;
    struct mp_writer w = mp_writer_to(&written);
    struct field_errors errors;

    cr_assert(reply_encode_ok(&schema_ratelimit_reset_result, &in, &w) == RESULT_OK);
    literal("{'status': 200, 'result': {'reset': 3}}", &wanted);
    cr_expect(bytes_equal(buffer_bytes(&written), buffer_bytes(&wanted)));
    cr_assert(reply_decode(buffer_bytes(&written), &arena, &reply) == RESULT_OK);
    cr_expect(reply.status == 200 && !reply.has_error);
    cr_assert(body_decode(&schema_ratelimit_reset_result, reply.result, &arena, &out, &errors) == RESULT_OK);
    cr_expect(out.reset == 3);
}

Test(reply, of_a_refusal_carries_what_is_known_and_nothing_else)
{
    struct field_errors errors = { .count = 0 };
    struct fault bare = { .code = FAULT_NOT_FOUND };
    struct fault full = { FAULT_INVALID_REQUEST, TEXT("why"), 1500, &errors };
    struct mp_writer w = mp_writer_to(&written);

    field_errors_add(&errors, TEXT("/cursor"), FIELD_BAD_FORMAT);
    cr_assert(reply_encode_fault(&bare, &w) == RESULT_OK);
    literal("{'status': 404, 'error': {'code': 'not_found', 'title': 'There is no such thing.'}}", &wanted);
    cr_expect(bytes_equal(buffer_bytes(&written), buffer_bytes(&wanted)));
    buffer_reset(&written);
    cr_assert(reply_encode_fault(&full, &w) == RESULT_OK);
    cr_assert(reply_decode(buffer_bytes(&written), &arena, &reply) == RESULT_OK);
    cr_expect(reply.status == 400 && reply.has_error && text_equal(reply.error.detail, TEXT("why")));
    cr_expect(reply.error.has_retry_after_ms && reply.error.retry_after_ms == 1500);
    cr_assert(reply.error.has_errors && reply.error.errors.count == 1);
    cr_expect(text_equal(reply.error.errors.items[0].pointer, TEXT("/cursor")));
    cr_expect(reply.error.errors.items[0].code == FIELD_BAD_FORMAT);
}

static const char *const no_replies[] = {
    "{}", "[]", "{'status': 200}", "{'status': 200, 'error': {'code': 'x', 'title': 'y'}}",
    "{'status': 404, 'result': {}}", "{'status': 200, 'result': {}, 'error': {'code': 'x', 'title': 'y'}}",
    "{'status': 200, 'result': []}", "{'status': 99, 'error': {'code': 'x', 'title': 'y'}}",
    "{'status': 400, 'error': {'code': 'x'}}",
    "{'status': 400, 'error': {'code': 'x', 'title': 'y', 'errors': []}}",
};

Test(reply, that_is_none_is_refused)
{
    for (size_t i = 0; i < sizeof no_replies / sizeof *no_replies; i++)
        cr_expect(reply_decode(literal(no_replies[i], &wanted), &arena, &reply) == RESULT_MALFORMED, "%s",
                  no_replies[i]);
    literal("{'status': 418, 'error': {'code': 'newer', 'title': 't'}}", &wanted);
    cr_expect(reply_decode(buffer_bytes(&wanted), &arena, &reply) == RESULT_OK);
}

Test(reply, codes_are_those_of_the_contract_with_their_status)
{
    static const struct {
        const char *code;
        unsigned status;
    } contract[] = {
        { "invalid_request", 400 }, { "unknown_op", 400 }, { "stale_message", 400 },
        { "bad_signature", 401 }, { "stale_auth", 401 }, { "invalid_token", 401 }, { "invalid_code", 401 },
        { "code_already_used", 401 }, { "forbidden", 403 }, { "signature_required", 403 },
        { "user_disabled", 403 }, { "reauth_required", 403 }, { "mfa_enrollment_required", 403 },
        { "mfa_locked", 403 }, { "not_found", 404 }, { "replayed", 409 }, { "conflict", 409 },
        { "already_enrolled", 409 }, { "incomplete", 409 }, { "gone", 410 }, { "key_destroyed", 410 },
        { "too_large", 413 }, { "unsupported_media_type", 415 }, { "media_type_mismatch", 422 },
        { "decrypt_failed", 422 }, { "too_many_attempts", 429 }, { "internal", 500 },
        { "unavailable", 503 },
    };

    cr_expect(sizeof contract / sizeof *contract == FAULT_COUNT);
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        enum fault_code code = fault_find(text_of(contract[i].code));

        cr_assert(code < FAULT_COUNT, "%s", contract[i].code);
        cr_expect(fault_info(code)->status == contract[i].status && fault_info(code)->title.len > 0);
    }
    cr_expect(fault_find(TEXT("teapot")) == FAULT_COUNT);
}

Test(reply, an_error_is_told_once_and_32_at_most)
{
    static const char places[] = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP";
    struct field_errors errors = { .count = 0 };

    for (size_t i = 0; i < 40; i++) {
        field_errors_add(&errors, (struct text){ places, 1 + i }, FIELD_TOO_LONG);
        field_errors_add(&errors, (struct text){ places, 1 + i }, FIELD_TOO_LONG);
    }
    cr_expect(errors.count == FIELD_ERRORS_MAX);
    cr_expect(errors.items[31].pointer.len == 32);
}
