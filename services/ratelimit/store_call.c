#include "store_call.h"

#include <sodium.h>
#include <stdio.h>

#define RULING_LEN (1 + 5 * 7)
#define ACCOUNT_PREFIX "hlidka:rl:a:"
#define RECORD_PREFIX "hlidka:rl:m:"
#define PREFIX_LEN (sizeof(ACCOUNT_PREFIX) - 1)
_Static_assert(sizeof(RECORD_PREFIX) == sizeof(ACCOUNT_PREFIX), "keys have one length");
#define HASH_TEXT_LEN (STORE_CALL_KEY_LEN - PREFIX_LEN)

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *out, uint64_t v)
{
    for (size_t i = 0; i < 7; i++, v >>= 8)
        out[i] = (uint8_t)v;
    return out + 7;
}

static uint8_t *put_claim(uint8_t *out, const struct claim *c)
{
    uint64_t numbers[4] = { c->cost };

    if (c->algorithm == ALGORITHM_GCRA) {
        struct gcra_rule rule = { .limit = c->limit, .burst = c->burst, .window_us = c->window_us };
        struct span adds = gcra_span(&rule, c->cost), room = gcra_span(&rule, c->burst);

        numbers[0] = adds.us;
        numbers[1] = adds.rem;
        numbers[2] = room.us;
        numbers[3] = room.rem;
    }
    *out++ = (uint8_t)((unsigned)c->algorithm | (c->shadow ? 4u : 0) | (c->never ? 8u : 0) | (c->many ? 16u : 0));
    out = put(out, c->window_us);
    out = put(out, c->limit);
    for (size_t i = 0; i < 4; i++)
        out = put(out, numbers[i]);
    return out;
}

static size_t put_request(const struct store_check *c, uint8_t *out)
{
    uint8_t *at = out + STORE_CALL_HEAD_LEN;
    bool many = false;

    for (size_t i = 0; i < c->count; i++) {
        at = put_claim(at, &c->claims[i]);
        many = many || c->claims[i].many;
    }
    out[0] = (uint8_t)((c->peek ? 1u : 0) | (many ? 2u : 0));
    memcpy(out + 1, c->fingerprint, FINGERPRINT_LEN);
    return (size_t)(at - out);
}

static void put_key(char out[STORE_CALL_KEY_LEN + 1], const char *prefix, const uint8_t hash[16])
{
    memcpy(out, prefix, PREFIX_LEN);
    (void)sodium_bin2base64(out + PREFIX_LEN, HASH_TEXT_LEN + 1, hash, 16, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void add(struct store_call *call, const void *data, size_t len)
{
    call->argv[call->argc] = data;
    call->lens[call->argc++] = len;
}

void store_call_put(struct store_call *call, const char *function, const struct store_check *c)
{
    call->argc = 0;
    add(call, "FCALL", 5);
    add(call, function, strlen(function));
    add(call, call->key_count, (size_t)snprintf(call->key_count, sizeof(call->key_count), "%zu", 1 + c->count));
    put_key(call->keys[0], RECORD_PREFIX, c->record);
    for (size_t i = 0; i < c->count; i++)
        put_key(call->keys[1 + i], ACCOUNT_PREFIX, c->claims[i].account);
    for (size_t i = 0; i <= c->count; i++)
        add(call, call->keys[i], STORE_CALL_KEY_LEN);
    add(call, c->terms.data, c->terms.len);
    add(call, call->request, put_request(c, call->request));
}

/* ---- its answer -------------------------------------------------------------------------------------------------- */

static const uint8_t *get(const uint8_t *in, uint64_t *v)
{
    *v = 0;
    for (size_t i = 7; i-- > 0;)
        *v = *v << 8 | in[i];
    return in + 7;
}

static enum result take_rulings(struct bytes in, size_t count, struct ruling *rulings)
{
    const uint8_t *at = in.data;

    if (in.len != count * RULING_LEN)
        return RESULT_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        struct ruling *r = &rulings[i];

        r->allowed = *at & 1;
        r->charged = *at & 2;
        at = get(at + 1, &r->held);
        at = get(at, &r->rest);
        at = get(at, &r->wait_us);
        at = get(at, &r->at_us);
        at = get(at, &r->born_us);
    }
    return RESULT_OK;
}

enum result store_call_take(struct bytes answer, const struct store_check *c, struct store_outcome *out)
{
    if (answer.len == 0)
        return RESULT_MALFORMED;
    struct bytes rest = { answer.data + 1, answer.len - 1 };
    switch (answer.data[0]) {
    case 'F':
        out->answer = STORE_RULED;
        out->count = c->count;
        return take_rulings(rest, out->count, out->rulings);
    case 'R':
        out->answer = STORE_REPEATED;
        if (terms_decode(rest, out->terms, &out->count, &rest))
            return RESULT_MALFORMED;
        return take_rulings(rest, out->count, out->rulings);
    case 'C':
        out->answer = STORE_CONFLICT;
        return RESULT_OK;
    default:
        return RESULT_MALFORMED;
    }
}
