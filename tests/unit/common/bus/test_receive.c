#include "receive.h"

#include "audit.h"
#include "mp_writer.h"
#include "parties.h"
#include "ratelimit.h"
#include "wire_fixture.h"

#include <criterion/criterion.h>
#include <inttypes.h>

#define NOW    UINT64_C(1764000000000)
#define MINUTE 60000
#define DAY    INT64_C(86400000)
#define RAW(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

/* ---- a service and those who speak to it ---------------------------------------------------------------------- */

/* Handlers are there for `check` and `policies`; refund and reset are known to the contract alone. */
static const struct op *find_op(void *cookie, struct text name)
{
    (void)cookie;
    if (text_equal(name, op_ratelimit_check.name))
        return &op_ratelimit_check;
    return text_equal(name, op_ratelimit_policies.name) ? &op_ratelimit_policies : NULL;
}

static uint32_t partitions(void *cookie, struct text topic)
{
    (void)cookie;
    return text_equal(topic, TEXT("hlidka.replies.audit")) ? 0 : 12;
}

struct scene {
    struct keyring *service, *backend, *edge, *ops;
    struct principals *principals;
    struct receiver r;
    struct buffer value, body;
    struct arena arena;
    struct verdict verdict;
};

static void open_scene(struct scene *s, const char *self, enum envelope_kind kind)
{
    *s = (struct scene){
        .service = party_service(), .backend = party_backend(), .edge = party_edge(), .ops = party_ops(),
        .principals = party_principals(self),
    };
    s->r = (struct receiver){
        .self = text_of(self), .service = text_of(self), .prefix = TEXT("hlidka."), .kind = kind,
        .principals = s->principals, .keyring = s->service, .find_op = find_op, .partitions = partitions,
        .ahead_ms = 60000, .age_ms = 900000, .ttl_max_ms = 60000,
    };
    buffer_init(&s->value, ENVELOPE_VALUE_MAX + 1000);
    buffer_init(&s->body, ENVELOPE_VALUE_MAX);
    arena_init(&s->arena, NULL, 0, 1 << 20);
}

static void close_scene(struct scene *s)
{
    arena_reset(&s->arena);
    buffer_free(&s->body);
    buffer_free(&s->value);
    principals_drop(s->principals);
    keyring_free(s->ops);
    keyring_free(s->edge);
    keyring_free(s->backend);
    keyring_free(s->service);
}

static struct keyring *ring_of(struct scene *s, const char *who)
{
    if (strcmp(who, "backend") == 0)
        return s->backend;
    if (strcmp(who, "edge") == 0)
        return s->edge;
    return strcmp(who, "ops") == 0 ? s->ops : s->service;
}

/* Seals with honest keys under a header that may say others. */
static void compose(struct scene *s, struct keyring *from, struct envelope_header h, const struct envelope_header *told,
                    struct bytes body, bool sign)
{
    struct buffer header;

    buffer_init(&header, ENVELOPE_HEADER_MAX);
    h.skid = keyring_own(from)->id;
    h.dkid = keyring_own(s->service)->id;
    cr_assert_eq(envelope_write_header(told, s->r.kind, &header), RESULT_OK);
    buffer_reset(&s->value);
    cr_assert_eq(seal_value(from, SEAL_INITIATOR, keyring_own(s->service), &h, buffer_bytes(&header), body, sign, &s->value),
                 RESULT_OK);
    buffer_free(&header);
}

static const struct verdict *judge_value(struct scene *s, struct bytes value)
{
    buffer_reset(&s->body);
    arena_reset(&s->arena);
    receive(&s->r, value, NOW, &s->body, &s->arena, &s->verdict);
    return &s->verdict;
}

static const struct verdict *judge(struct scene *s)
{
    return judge_value(s, buffer_bytes(&s->value));
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

static const struct bytes PEEK = RAW("\x82\xa7user_id\xa3u-1\xa8" "endpoint\xa1" "e");

/* What is not given is as in an honest `ratelimit.check` of backend. */
struct request {
    const char *who;                    /* whose keys */
    const char *src, *dst, *op, *reply;
    uint64_t partition;
    int64_t ts_off, id_off;             /* from NOW, ms */
    uint64_t ts;                        /* if not 0 */
    uint32_t ttl;
    struct bytes body;
    bool sign, wrong_skid, wrong_dkid, edges_skid;
};

static void compose_request(struct scene *s, const struct request *q)
{
    const char *who = q->who ? q->who : "backend", *src = q->src ? q->src : who;
    struct keyring *from = ring_of(s, who);
    struct envelope_header h = party_header(ENVELOPE_REQUEST, q->op ? q->op : "ratelimit.check", src,
                                            q->dst ? q->dst : "ratelimit", NOW);

    h.id = uuid_v7((uint64_t)((int64_t)NOW + q->id_off), (const uint8_t *)"0123456789");
    h.ts = q->ts ? q->ts : (uint64_t)((int64_t)NOW + q->ts_off);
    h.ttl = q->ttl ? q->ttl : 5000;
    if (q->reply)
        h.reply_topic = text_of(q->reply);
    h.reply_partition = q->partition;
    h.skid = keyring_own(q->edges_skid ? s->edge : from)->id;
    h.dkid = keyring_own(s->service)->id;
    h.skid.bytes[0] ^= q->wrong_skid;
    h.dkid.bytes[0] ^= q->wrong_dkid;
    compose(s, from, h, &h, q->body.data ? q->body : PEEK, q->sign);
}

Test(receive, serves_a_sound_request, .timeout = 5)
{
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    compose_request(&s, &(struct request){ .partition = 11 });
    const struct verdict *v = judge(&s);
    cr_assert_eq(v->kind, VERDICT_SERVE);
    cr_assert(v->op == &op_ratelimit_check && v->answerable && text_equal(v->source->name, TEXT("backend")));
    const struct ratelimit_check_request *body = v->decoded;
    cr_assert(text_equal(body->user_id, TEXT("u-1")) && text_equal(body->endpoint, TEXT("e")) && body->cost == 1);
    cr_assert(bytes_equal(buffer_bytes(v->body), PEEK));
    close_scene(&s);
}

Test(receive, serves_what_another_implementation_sealed, .timeout = 5)
{
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    cr_assert_eq(judge_value(&s, (struct bytes){ wire_request, sizeof(wire_request) })->kind, VERDICT_SERVE);
    cr_assert_eq(WIRE_NOW, NOW);
    const struct verdict *v = judge_value(&s, (struct bytes){ wire_signed_request, sizeof(wire_signed_request) });
    cr_assert(v->kind == VERDICT_DEAD && v->reason == DEAD_NOT_AUTHENTIC, "backend has no signs");
    v = judge_value(&s, (struct bytes){ wire_reply, sizeof(wire_reply) });
    cr_assert(v->kind == VERDICT_DEAD && v->reason == DEAD_MALFORMED && !v->unframed, "a reply as a request");
    close_scene(&s);
}

Test(receive, dead_letters_what_is_no_sound_request, .timeout = 10)
{
    static const struct {
        const char *what;
        struct request q;
        enum dead_reason reason;
        bool source_known;
    } cases[] = {
        { "src unknown", { .src = "nobody" }, DEAD_UNKNOWN_PRINCIPAL, false },
        { "src empty", { .src = "" }, DEAD_UNKNOWN_PRINCIPAL, false },
        { "src unknown before dst", { .src = "nobody", .dst = "auth" }, DEAD_UNKNOWN_PRINCIPAL, false },
        { "dst another service", { .dst = "auth" }, DEAD_WRONG_DESTINATION, true },
        { "dst empty", { .dst = "" }, DEAD_WRONG_DESTINATION, true },
        { "dst longer", { .dst = "ratelimit2" }, DEAD_WRONG_DESTINATION, true },
        { "dst before skid", { .dst = "auth", .wrong_skid = true }, DEAD_WRONG_DESTINATION, true },
        { "src another principal", { .src = "edge" }, DEAD_UNKNOWN_KEY, true },
        { "skid of another principal", { .edges_skid = true }, DEAD_UNKNOWN_KEY, true },
        { "skid unknown", { .wrong_skid = true }, DEAD_UNKNOWN_KEY, true },
        { "dkid unknown", { .wrong_dkid = true }, DEAD_UNKNOWN_KEY, true },
        { "key before topic", { .wrong_skid = true, .op = "auth.x" }, DEAD_UNKNOWN_KEY, true },
        { "op of another service", { .op = "auth.session.list" }, DEAD_WRONG_TOPIC, true },
        { "op of a longer service", { .op = "ratelimit2.check" }, DEAD_WRONG_TOPIC, true },
        { "op of a shorter service", { .op = "ratelim.check" }, DEAD_WRONG_TOPIC, true },
        { "op in capitals", { .op = "RATELIMIT.CHECK" }, DEAD_WRONG_TOPIC, true },
        { "op empty", { .op = "" }, DEAD_WRONG_TOPIC, true },
        { "op a star", { .op = "*" }, DEAD_WRONG_TOPIC, true },
        { "an event", { .op = "event" }, DEAD_WRONG_TOPIC, true },
        { "a revocation", { .op = "revoked" }, DEAD_WRONG_TOPIC, true },
        { "topic before reply", { .op = "event", .reply = "x" }, DEAD_WRONG_TOPIC, true },
        { "reply to another", { .reply = "hlidka.replies.edge" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply to a longer name", { .reply = "hlidka.replies.backend2" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply to a shorter name", { .reply = "hlidka.replies.backen" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply to another prefix", { .reply = "xhlidka.replies.backend" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply to no prefix", { .reply = "replies.backend" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply to the requests", { .reply = "hlidka.ratelimit.requests" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply to nothing", { .reply = "" }, DEAD_BAD_REPLY_ADDRESS, true },
        { "partition 12", { .partition = 12 }, DEAD_BAD_REPLY_ADDRESS, true },
        { "partition 2^32", { .partition = UINT64_C(1) << 32 }, DEAD_BAD_REPLY_ADDRESS, true },
        { "partition 2^64-1", { .partition = UINT64_MAX }, DEAD_BAD_REPLY_ADDRESS, true },
        { "reply before clock", { .reply = "x", .ts = UINT64_MAX }, DEAD_BAD_REPLY_ADDRESS, true },
        { "topic before deadline", { .op = "event", .ts = 1 }, DEAD_WRONG_TOPIC, true },
        { "destination before grant", { .who = "edge", .op = "ratelimit.refund", .dst = "auth", .ts = 1 },
          DEAD_WRONG_DESTINATION, true },
    };
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        compose_request(&s, &cases[i].q);
        const struct verdict *v = judge(&s);
        cr_assert_eq(v->kind, VERDICT_DEAD, "%s: %d", cases[i].what, v->kind);
        cr_assert_str_eq(dead_reason_text(v->reason), dead_reason_text(cases[i].reason), "%s", cases[i].what);
        cr_assert_eq(v->source != NULL, cases[i].source_known, "%s", cases[i].what);
        cr_assert(!v->answerable && !v->unframed, "%s", cases[i].what);
    }
    close_scene(&s);
}

Test(receive, what_does_not_frame_is_not_to_be_kept, .timeout = 5)
{
    static uint8_t huge[ENVELOPE_VALUE_MAX + 1];
    static const struct bytes junk[] = { { NULL, 0 }, RAW(""), RAW("hello"), RAW("\x93\x01\xc4\x00\xc4\x00\x00") };
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        const struct verdict *v = judge_value(&s, junk[i]);
        cr_assert(v->kind == VERDICT_DEAD && v->reason == DEAD_MALFORMED && v->unframed && !v->source);
    }
    const struct verdict *v = judge_value(&s, (struct bytes){ huge, sizeof(huge) });
    cr_assert(v->kind == VERDICT_DEAD && v->reason == DEAD_TOO_LARGE && v->unframed);
    v = judge_value(&s, (struct bytes)RAW("\x93\x01\xc4\x01\x80\xc4\x00"));
    cr_assert(v->kind == VERDICT_DEAD && v->reason == DEAD_MALFORMED && !v->unframed, "frames, but its header is empty");
    close_scene(&s);
}

Test(receive, no_bit_may_change_and_nothing_is_answered_then, .timeout = 20)
{
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    compose_request(&s, &(struct request){ .who = "ops", .op = "ratelimit.policies", .body = RAW("\x80"), .sign = true });
    cr_assert_eq(judge(&s)->kind, VERDICT_SERVE);
    for (size_t bit = 0; bit < s.value.len * 8; bit++) {
        s.value.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const struct verdict *v = judge(&s);
        cr_assert(v->kind == VERDICT_DEAD && !v->answerable, "bit %zu", bit);
        cr_assert(v->reason <= DEAD_NOT_AUTHENTIC, "bit %zu: %s", bit, dead_reason_text(v->reason));
        s.value.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    close_scene(&s);
}

#define REFUSED(code_) VERDICT_REFUSE, FAULT_##code_
#define DROPPED        VERDICT_DROP, FAULT_COUNT
#define SERVED         VERDICT_SERVE, FAULT_COUNT

Test(receive, answers_the_first_fault_of_a_request, .timeout = 10)
{
    static const struct {
        const char *what;
        struct request q;
        enum verdict_kind kind;
        enum fault_code code;
    } cases[] = {
        /* 5: the clock */
        { "ts 60 s ahead", { .ts_off = 60000 }, SERVED },
        { "ts a ms more", { .ts_off = 60001 }, REFUSED(STALE_MESSAGE) },
        { "ts 2^62", { .ts = UINT64_C(1) << 62 }, REFUSED(STALE_MESSAGE) },
        { "ts 2^64-1", { .ts = UINT64_MAX }, REFUSED(STALE_MESSAGE) },
        { "T 60 s ahead", { .id_off = 60000 }, SERVED },
        { "T a ms more", { .id_off = 60001 }, REFUSED(STALE_MESSAGE) },
        { "T 15 min before ts", { .id_off = -15 * MINUTE }, SERVED },
        { "T a ms more", { .id_off = -15 * MINUTE - 1 }, REFUSED(STALE_MESSAGE) },
        { "T years ago", { .id_off = -2000 * DAY }, REFUSED(STALE_MESSAGE) },
        { "T after ts", { .ts_off = -1000, .id_off = 1000 }, SERVED },
        { "a clock that differs", { .ts_off = -50000, .ttl = 60000 }, SERVED },
        /* 6: the deadline */
        { "in its last ms", { .ts_off = -5000 }, SERVED },
        { "a ms later", { .ts_off = -5001 }, DROPPED },
        { "ts 1970", { .ts = 1, .id_off = 0 }, DROPPED },
        { "nine days ago", { .ts_off = -9 * DAY }, DROPPED },
        /* 7: the grant, then the signature */
        { "not granted", { .who = "edge", .op = "ratelimit.policies", .body = RAW("\x80") }, REFUSED(FORBIDDEN) },
        { "a prefix covers no signed op", { .op = "ratelimit.reset" }, REFUSED(FORBIDDEN) },
        { "without signature", { .who = "ops", .op = "ratelimit.reset" }, REFUSED(SIGNATURE_REQUIRED) },
        { "with signature, without handler", { .who = "ops", .op = "ratelimit.reset", .sign = true }, REFUSED(UNKNOWN_OP) },
        { "a signature nobody asked for", { .who = "ops", .sign = true }, SERVED },
        /* 8: the op, then the body */
        { "no handler", { .op = "ratelimit.refund" }, REFUSED(UNKNOWN_OP) },
        { "no such op", { .op = "ratelimit.nonsense" }, REFUSED(UNKNOWN_OP) },
        { "op longer", { .op = "ratelimit.check2" }, REFUSED(UNKNOWN_OP) },
        { "op shorter", { .op = "ratelimit.chec" }, REFUSED(UNKNOWN_OP) },
        { "nothing after the dot", { .op = "ratelimit." }, REFUSED(UNKNOWN_OP) },
        { "wildcard", { .op = "ratelimit.*" }, REFUSED(UNKNOWN_OP) },
        { "capitals", { .op = "ratelimit.CHECK" }, REFUSED(UNKNOWN_OP) },
        { "body no msgpack", { .body = RAW("\xc1") }, REFUSED(INVALID_REQUEST) },
        { "body empty", { .body = RAW("") }, REFUSED(INVALID_REQUEST) },
        { "body twice", { .op = "ratelimit.policies", .body = RAW("\x80\x80") }, REFUSED(INVALID_REQUEST) },
        { "unknown field", { .op = "ratelimit.policies", .body = RAW("\x81\xa1x\x01") }, REFUSED(INVALID_REQUEST) },
        /* of two faults the earlier */
        { "clock before deadline", { .ts = 1, .id_off = DAY, .op = "ratelimit.nonsense" }, REFUSED(STALE_MESSAGE) },
        { "clock before grant", { .who = "edge", .op = "ratelimit.refund", .ts = UINT64_C(1) << 62 }, REFUSED(STALE_MESSAGE) },
        { "deadline before grant", { .who = "edge", .op = "ratelimit.refund", .ts = 1 }, DROPPED },
        { "deadline before op", { .op = "ratelimit.nonsense", .ts = 1 }, DROPPED },
        { "deadline before body", { .body = RAW("\xc1"), .ts = 1 }, DROPPED },
        { "grant before op", { .who = "edge", .op = "ratelimit.nonsense" }, REFUSED(FORBIDDEN) },
        { "grant before body", { .who = "edge", .op = "ratelimit.refund", .body = RAW("\xc1") }, REFUSED(FORBIDDEN) },
        { "grant before signature", { .who = "edge", .op = "ratelimit.reset", .body = RAW("\xc1") }, REFUSED(FORBIDDEN) },
        { "signature before op", { .who = "ops", .op = "ratelimit.reset", .body = RAW("\xc1") }, REFUSED(SIGNATURE_REQUIRED) },
        { "op before body", { .op = "ratelimit.nonsense", .body = RAW("\xc1") }, REFUSED(UNKNOWN_OP) },
    };
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        compose_request(&s, &cases[i].q);
        const struct verdict *v = judge(&s);
        cr_assert_eq(v->kind, cases[i].kind, "%s: %d", cases[i].what, v->kind);
        cr_assert(v->answerable && v->source, "%s", cases[i].what);
        if (v->kind == VERDICT_REFUSE)
            cr_assert(v->fault.code == cases[i].code && v->fault.retry_after_ms < 0, "%s: %s", cases[i].what,
                      fault_info(v->fault.code)->code.data);
        if (v->kind == VERDICT_REFUSE && v->fault.code == FAULT_INVALID_REQUEST)
            cr_assert(v->fault.errors == &v->errors && v->errors.count > 0);
    }
    close_scene(&s);
}

Test(receive, an_op_with_a_NUL_is_one_that_nobody_knows, .timeout = 5)
{
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    struct envelope_header h = party_header(ENVELOPE_REQUEST, "", "backend", "ratelimit", NOW);
    h.op = TEXT("ratelimit.check\0");
    h.skid = keyring_own(s.backend)->id;
    h.dkid = keyring_own(s.service)->id;
    compose(&s, s.backend, h, &h, PEEK, false);
    const struct verdict *v = judge(&s);
    cr_assert(v->kind == VERDICT_REFUSE && v->fault.code == FAULT_UNKNOWN_OP);
    close_scene(&s);
}

Test(receive, a_service_may_be_stricter_about_time, .timeout = 5)
{
    static const struct {
        const char *what;
        struct request q;
        enum verdict_kind kind;
    } cases[] = {
        { "ts 5 s ahead", { .ts_off = 5000 }, VERDICT_SERVE }, { "ts ahead", { .ts_off = 5001 }, VERDICT_REFUSE },
        { "id ahead", { .id_off = 5001 }, VERDICT_REFUSE }, { "id old", { .id_off = -5001 }, VERDICT_REFUSE },
        { "id 5 s old", { .id_off = -5000 }, VERDICT_SERVE }, { "ttl 5 s", { .ttl = 5000 }, VERDICT_SERVE },
        { "ttl more", { .ttl = 5001 }, VERDICT_DEAD },
    };
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    s.r.ahead_ms = s.r.age_ms = s.r.ttl_max_ms = 5000;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        compose_request(&s, &cases[i].q);
        cr_assert_eq(judge(&s)->kind, cases[i].kind, "%s", cases[i].what);
    }
    cr_assert_eq(s.verdict.reason, DEAD_MALFORMED);
    close_scene(&s);
}

Test(receive, cannot_answer_where_the_partitions_are_unknown, .timeout = 5)
{
    struct scene s;

    open_scene(&s, "audit", ENVELOPE_REQUEST);
    compose_request(&s, &(struct request){ .who = "service", .src = "audit", .dst = "audit", .op = "audit.query" });
    const struct verdict *v = judge(&s);
    cr_assert(v->kind == VERDICT_DEAD && v->reason == DEAD_BAD_REPLY_ADDRESS);
    close_scene(&s);
}

Test(receive, a_body_with_more_lists_than_it_is_given_room_for_is_too_large, .timeout = 5)
{
    struct scene s;

    open_scene(&s, "ratelimit", ENVELOPE_REQUEST);
    arena_init(&s.arena, NULL, 0, 1);
    compose_request(&s, &(struct request){ 0 });
    const struct verdict *v = judge(&s);
    cr_assert(v->kind == VERDICT_REFUSE && v->fault.code == FAULT_TOO_LARGE);
    close_scene(&s);
}

/* ---- events and revocations ----------------------------------------------------------------------------------- */

#define EVENT(type) "\x83\xa4type" type "\xa4time\xcf\0\0\x01\x9a\xb6\xda\xf0\0\xa7outcome\xa7success"

Test(receive, judges_events, .timeout = 10)
{
    static const struct {
        const char *what, *who, *src, *op;
        struct bytes body;
        int64_t id_off;
        enum verdict_kind kind;
        enum dead_reason reason;
    } cases[] = {
#define DEAD(reason) VERDICT_DEAD, DEAD_##reason
#define SOUND VERDICT_EVENT, DEAD_REASONS
        { "sound", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.lesson")), 0, SOUND },
        { "of the principal itself", "service", "audit", NULL, RAW(EVENT("\xaa" "auth.login")), 0, SOUND },
        { "by a star", "ops", NULL, NULL, RAW(EVENT("\xaa" "auth.login")), 0, SOUND },
        { "eight days old", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.lesson")), -8 * DAY, SOUND },
        { "a ms more", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.lesson")), -8 * DAY - 1, DEAD(STALE) },
        { "a minute ahead", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.lesson")), 60000, SOUND },
        { "a ms more", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.lesson")), 60001, DEAD(STALE) },
        { "another op", "backend", NULL, "audit.query", RAW(EVENT("\xaa" "app.lesson")), 0, DEAD(WRONG_TOPIC) },
        { "a revocation", "backend", NULL, "revoked", RAW(EVENT("\xaa" "app.lesson")), 0, DEAD(WRONG_TOPIC) },
        { "another's key", "backend", "edge", NULL, RAW(EVENT("\xaa" "app.lesson")), 0, DEAD(UNKNOWN_KEY) },
        { "not granted", "backend", NULL, NULL, RAW(EVENT("\xaa" "auth.login")), 0, DEAD(FORBIDDEN_TYPE) },
        { "granted none", "edge", NULL, NULL, RAW(EVENT("\xaa" "app.lesson")), 0, DEAD(FORBIDDEN_TYPE) },
        { "app without more", "backend", NULL, NULL, RAW(EVENT("\xa3" "app")), 0, DEAD(FORBIDDEN_TYPE) },
        { "empty type", "backend", NULL, NULL, RAW(EVENT("\xa0")), 0, DEAD(FORBIDDEN_TYPE) },
        { "audit's own", "ops", NULL, NULL, RAW(EVENT("\xa7" "log.gap")), 0, DEAD(FORBIDDEN_TYPE) },
        { "audit's own, from audit", "service", "audit", NULL, RAW(EVENT("\xa7" "log.gap")), 0, DEAD(FORBIDDEN_TYPE) },
        { "granted but unknown", "ops", NULL, NULL, RAW(EVENT("\xaa" "unheard.of")), 0, DEAD(INVALID_EVENT) },
        { "in capitals", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.Lesson")), 0, DEAD(INVALID_EVENT) },
        { "not granted before stale", "backend", NULL, NULL, RAW(EVENT("\xaa" "auth.login")), -9 * DAY, DEAD(FORBIDDEN_TYPE) },
        { "unknown before stale", "ops", NULL, NULL, RAW(EVENT("\xaa" "unheard.of")), -9 * DAY, DEAD(INVALID_EVENT) },
        { "stale before invalid", "backend", NULL, NULL, RAW("\x81\xa4type\xaa" "app.lesson"), -9 * DAY, DEAD(STALE) },
        { "fields missing", "backend", NULL, NULL, RAW("\x81\xa4type\xaa" "app.lesson"), 0, DEAD(INVALID_EVENT) },
        { "type missing", "backend", NULL, NULL, RAW("\x81\xa1x\x01"), 0, DEAD(INVALID_EVENT) },
        { "type a number", "backend", NULL, NULL, RAW("\x81\xa4type\x01"), 0, DEAD(INVALID_EVENT) },
        { "type twice", "backend", NULL, NULL, RAW("\x82\xa4type\xa5" "app.x\xa4type\xa5" "app.y"), 0, DEAD(INVALID_EVENT) },
        { "trailing byte", "backend", NULL, NULL, RAW(EVENT("\xaa" "app.lesson") "\0"), 0, DEAD(INVALID_EVENT) },
        { "empty", "backend", NULL, NULL, RAW(""), 0, DEAD(INVALID_EVENT) },
        { "no map", "backend", NULL, NULL, RAW("\x91\x01"), 0, DEAD(INVALID_EVENT) },
        { "too deep", "backend", NULL, NULL, RAW("\x81\xa4type\x91\x91\x91\x91\x91\x91\x91\x91\x01"), 0, DEAD(INVALID_EVENT) },
    };
    struct scene s;

    open_scene(&s, "audit", ENVELOPE_EVENT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct keyring *from = ring_of(&s, cases[i].who);
        struct envelope_header h = party_header(ENVELOPE_EVENT, cases[i].op ? cases[i].op : "event",
                                                cases[i].src ? cases[i].src : cases[i].who, "audit", NOW);
        h.id = uuid_v7((uint64_t)((int64_t)NOW + cases[i].id_off), (const uint8_t *)"0123456789");
        h.skid = keyring_own(from)->id;
        h.dkid = keyring_own(s.service)->id;
        h.ts = 0;           /* nobody asks */
        compose(&s, from, h, &h, cases[i].body, false);
        const struct verdict *v = judge(&s);
        cr_assert_eq(v->kind, cases[i].kind, "%s: %d %s", cases[i].what, v->kind, dead_reason_text(v->reason));
        if (v->kind == VERDICT_DEAD)
            cr_assert_str_eq(dead_reason_text(v->reason), dead_reason_text(cases[i].reason), "%s", cases[i].what);
        else
            cr_assert(v->op == &op_audit_event && ((const struct audit_event *)v->decoded)->outcome == AUDIT_SUCCESS);
        cr_assert(!v->answerable);
    }
    close_scene(&s);
}

Test(receive, takes_revocations_from_its_own_principal_only, .timeout = 5)
{
    static const struct {
        const char *who, *src, *op;
        struct bytes body;
        enum verdict_kind kind;
        enum dead_reason reason;
    } cases[] = {
        { "service", "auth", "revoked", RAW("\x82\xa7user_id\xa3u-1\xa4time\x01"), VERDICT_EVENT, DEAD_REASONS },
        { "service", "auth", "event", RAW("\x82\xa7user_id\xa3u-1\xa4time\x01"), VERDICT_DEAD, DEAD_WRONG_TOPIC },
        { "ops", "ops", "revoked", RAW("\x82\xa7user_id\xa3u-1\xa4time\x01"), VERDICT_DEAD, DEAD_WRONG_TOPIC },
        { "backend", "auth", "revoked", RAW("\x82\xa7user_id\xa3u-1\xa4time\x01"), VERDICT_DEAD, DEAD_UNKNOWN_KEY },
        { "service", "auth", "revoked", RAW("\x81\xa7user_id\xa3u-1"), VERDICT_DEAD, DEAD_INVALID_EVENT },
    };
    struct scene s;

    open_scene(&s, "auth", ENVELOPE_REVOCATION);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct keyring *from = ring_of(&s, cases[i].who);
        struct envelope_header h = party_header(ENVELOPE_REVOCATION, cases[i].op, cases[i].src, "auth", NOW);
        h.skid = keyring_own(from)->id;
        h.dkid = keyring_own(s.service)->id;
        compose(&s, from, h, &h, cases[i].body, false);
        const struct verdict *v = judge(&s);
        cr_assert_eq(v->kind, cases[i].kind, "case %zu: %s", i, dead_reason_text(v->reason));
        if (v->kind == VERDICT_DEAD)
            cr_assert_eq(v->reason, cases[i].reason, "case %zu: %s", i, dead_reason_text(v->reason));
    }
    close_scene(&s);
}
