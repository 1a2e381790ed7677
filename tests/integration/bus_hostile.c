/* What is dead-lettered and never answered, through Kafka: the reasons, the letters, the allowance. */
#include "bus_fixture.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>

static struct fixture *f;

static void up(void)
{
    f = fixture_new();
    fixture_bus(f, 0);
}

static void down(void)
{
    fixture_free(f);
}

TestSuite(bus_hostile, .init = up, .fini = down, .timeout = 120);

static void send_raw(struct bytes key, struct bytes value)
{
    client_send(&f->backend, fixture_topic(f, "probe.requests"), 0, key, value);
}

static void probe_still_answers(void)
{
    struct uuid id = client_ask(&f->backend, "probe.echo", NULL, 0);

    cr_assert(client_await(&f->backend, &id, 10000));
}

static bool letters(struct fixture *fx, void *cookie)
{
    return fx->dead.count >= *(size_t *)cookie;
}

/* The next letter, once nothing but a probe has been answered. */
static const struct arrived *next_letter(void)
{
    size_t seen = f->dead.count + 1, answered = f->backend.replies.count;

    cr_assert(fixture_wait(f, letters, &seen, 10000), "no dead letter");
    probe_still_answers();
    cr_expect_eq(f->backend.replies.count, answered + 1, "what is dead-lettered was answered");
    return &f->dead.items[seen - 1];
}

/* ---- bent messages ---- */

static void bend_src(struct envelope_header *h) { h->src = TEXT("nobody"); }
static void bend_src_other(struct envelope_header *h) { h->src = TEXT("edge"); }
static void bend_dst(struct envelope_header *h) { h->dst = TEXT("audit"); }
static void bend_skid(struct envelope_header *h) { h->skid.bytes[0] ^= 1; }
static void bend_reply_topic(struct envelope_header *h) { h->reply_topic.len--; }
static void bend_partition(struct envelope_header *h) { h->reply_partition = FIXTURE_PARTITIONS; }
static void bend_partition_far(struct envelope_header *h) { h->reply_partition = UINT64_MAX; }
static void bend_op(struct envelope_header *h) { h->op = TEXT("auth.session.list"); }
static void bend_nothing(struct envelope_header *h) { (void)h; }
static void bend_ts(struct envelope_header *h) { h->ts = 1; h->dst = TEXT("audit"); }

static void flip_box(struct buffer *v) { v->data[v->len - 1] ^= 1; }
static void cut(struct buffer *v) { v->len--; }
static void append(struct buffer *v) { cr_assert(!buffer_append(v, "", 1)); }
static void keep(struct buffer *v) { (void)v; }

static const struct {
    const char *name;
    void (*bend)(struct envelope_header *h);
    void (*bend_value)(struct buffer *v);
    const char *reason;
    bool unframed;
} BENT[] = {
    { "src unknown", bend_src, keep, "unknown_principal", false },
    { "src another", bend_src_other, keep, "unknown_key", false },
    { "dst another", bend_dst, keep, "wrong_destination", false },
    { "skid unknown", bend_skid, keep, "unknown_key", false },
    { "box flipped", bend_nothing, flip_box, "not_authentic", false },
    { "reply topic of nobody", bend_reply_topic, keep, "bad_reply_address", false },
    { "reply partition too many", bend_partition, keep, "bad_reply_address", false },
    { "reply partition 2^64-1", bend_partition_far, keep, "bad_reply_address", false },
    { "op of another service", bend_op, keep, "wrong_topic", false },
    { "address before clock", bend_ts, keep, "wrong_destination", false },
    { "cut", bend_nothing, cut, "malformed", true },
    { "trailing byte", bend_nothing, append, "malformed", true },
};

Test(bus_hostile, a_bent_message_is_dead_lettered_as_it_came)
{
    struct buffer value;

    buffer_init(&value, 4096);
    for (size_t i = 0; i < sizeof(BENT) / sizeof(BENT[0]); i++) {
        struct envelope_header h = client_header(&f->backend, "probe.echo");
        uint8_t key[8] = { 'k', (uint8_t)i };
        static const uint8_t EMPTY = 0x80;
        BENT[i].bend(&h);
        buffer_reset(&value);
        client_seal(&f->backend, &h, (struct bytes){ &EMPTY, 1 }, &value);
        BENT[i].bend_value(&value);
        send_raw((struct bytes){ key, sizeof(key) }, buffer_bytes(&value));
        const struct arrived *letter = next_letter();
        cr_expect_str_eq(letter->reason, BENT[i].reason, "%s", BENT[i].name);
        cr_expect(letter->key_len == sizeof(key) && memcmp(letter->key, key, sizeof(key)) == 0, "%s", BENT[i].name);
        cr_expect_eq(letter->hash == fixture_hash(buffer_bytes(&value)), !BENT[i].unframed, "%s", BENT[i].name);
    }
    buffer_free(&value);
}

Test(bus_hostile, what_does_not_frame_is_dead_lettered_as_a_digest)
{
    static const struct {
        const char *name;
        struct bytes value;
    } CASES[] = {
        { "tombstone", { NULL, 0 } },
        { "text", { (const uint8_t *)"my password is Tajemstvi", 24 } },
        { "0xc1", { (const uint8_t *)"\xc1\xc1\xc1\xc1", 4 } },
        { "2^26 elements", { (const uint8_t *)"\xdd\x04\0\0\0\x01\x01", 7 } },
        { "2^32-1 of header", { (const uint8_t *)"\x93\x01\xc6\xff\xff\xff\xff\0\0\0", 10 } },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        send_raw((struct bytes){ 0 }, CASES[i].value);
        const struct arrived *letter = next_letter();
        cr_expect_str_eq(letter->reason, "malformed", "%s", CASES[i].name);
        cr_expect_lt(letter->len, 1000, "%s", CASES[i].name);
    }
    uint8_t *zeros = calloc(1, 1000001);
    send_raw((struct bytes){ 0 }, (struct bytes){ zeros, 1000000 });
    cr_expect_str_eq(next_letter()->reason, "malformed");
    send_raw((struct bytes){ 0 }, (struct bytes){ zeros, 1000001 });
    cr_expect_str_eq(next_letter()->reason, "too_large");
    free(zeros);
}

/* Written as letters that have come, or only counted. */
static bool all_are_told(struct fixture *fx, void *cookie)
{
    return fx->dead.count + fixture_metric(fx, 0, "hlidka_bus_dead_only_counted_total ") >= *(size_t *)cookie;
}

static bool an_event(struct fixture *fx, void *cookie)
{
    (void)cookie;
    return fx->events.count > 0;
}

Test(bus_hostile, a_flood_is_counted_and_fifty_letters_a_second_are_written)
{
    enum { FLOOD = 3000 };
    uint8_t junk[64];

    for (unsigned i = 0; i < FLOOD; i++) {
        randombytes_buf(junk, sizeof(junk));
        send_raw((struct bytes){ 0 }, (struct bytes){ junk, 20 + i % 44 });
    }
    probe_still_answers();
    cr_expect(fixture_wait(f, all_are_told, &(size_t){ FLOOD }, 10000));
    fixture_sleep(f, 300);
    uint64_t counted = 0;
    static const char *const REASONS[] = { "malformed", "too_large" };
    for (size_t i = 0; i < 2; i++) {
        char line[64];
        snprintf(line, sizeof(line), "hlidka_bus_dead_total{reason=\"%s\"} ", REASONS[i]);
        counted += fixture_metric(f, 0, line);
    }
    cr_expect_eq(counted, FLOOD);
    uint64_t only_counted = fixture_metric(f, 0, "hlidka_bus_dead_only_counted_total ");
    cr_expect_eq(f->dead.count + only_counted, FLOOD, "%zu letters, %lu only counted", f->dead.count, only_counted);
    cr_expect_geq(f->dead.count, 50);
    cr_expect_leq(f->dead.count, 50 * 10, "it took far less than ten seconds");
    cr_expect(fixture_wait(f, an_event, NULL, 10000) && f->events.count == 1, "one episode, not %zu", f->events.count);
    fixture_expect_metric(f, 0, "hlidka_bus_in_flight ", 0);
}
