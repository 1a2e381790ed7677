/* The feed of events (feed.h): what a service that reads all partitions by itself is given, and when. */
#include "bus_fixture.h"

#include "audit.h"
#include "clock.h"
#include "entropy.h"
#include "feed.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TAKEN_MAX 4096

static struct fixture *f;
static struct keyring *own;             /* whom events are sealed to */

/* What the listener was given. */
static struct {
    int64_t offset;
    bool event;
    uint64_t n;
} taken[TAKEN_MAX];
static size_t taken_count, batches, largest, gaps, own_events;
static int64_t next_offset, gap_from;
static bool hold, in_hand;              /* the batch is not given back; there is one */
static size_t batch_max;
static const struct feed_item *last_item;

static void on_batch(void *cookie, const struct feed_batch *b)
{
    (void)cookie;
    cr_assert_not(in_hand, "one batch at a time");
    in_hand = true;
    batches++;
    largest = b->count > largest ? b->count : largest;
    for (size_t i = 0; i < b->count; i++) {
        cr_assert_lt(taken_count, TAKEN_MAX);
        taken[taken_count].offset = b->items[i].offset;
        taken[taken_count].event = b->items[i].event != NULL;
        taken[taken_count++].n = b->items[i].n;
        last_item = &b->items[i];
    }
    for (size_t i = 0; i < b->offset_count; i++)
        next_offset = b->offsets[i].next;
    for (size_t i = 0; i < b->gap_count; i++, gaps++)
        gap_from = b->gaps[i].from;
}

static void on_broken(void *cookie)
{
    (void)cookie;
    cr_assert(false, "the feed broke");
}

static void on_own_event(void *cookie, const struct audit_event *e)
{
    (void)cookie;
    (void)e;
    own_events++;
}

static void up(void)
{
    static const struct feed_listener LISTENER = { on_batch, on_broken };
    char path[128];
    struct buffer why;

    f = fixture_new();
    f->options.feed = &LISTENER;
    f->options.own_event = on_own_event;
    batch_max = FEED_BATCH_MAX;
    buffer_init(&why, 1024);
    snprintf(path, sizeof(path), "%s/probe.key", f->directory);
    cr_assert(!keyring_load(path, NULL, &own, &why));
    buffer_free(&why);
    fixture_bus(f, 0);
}

static void down(void)
{
    keyring_free(own);
    fixture_free(f);
}

TestSuite(bus_feed, .init = up, .fini = down, .timeout = 60);

static void send_event_of(const char *type, uint64_t n)
{
    struct audit_event e = { .type = text_of(type), .time = clock_unix_ms(), .outcome = AUDIT_SUCCESS };
    struct envelope_header h = { .op = TEXT("event"), .src = TEXT("backend"), .dst = TEXT("probe"), .ts = e.time,
                                 .has_n = true, .n = n };
    struct buffer body, value;
    uint8_t random[10];

    buffer_init(&body, 1024);
    buffer_init(&value, 4096);
    entropy_fill(random, sizeof(random));
    entropy_fill(h.nonce, sizeof(h.nonce));
    h.id = uuid_v7(h.ts, random);
    struct mp_writer w = mp_writer_to(&body);
    cr_assert(!body_encode(&schema_audit_event, &e, &w));
    cr_assert(!seal_message(f->backend.keyring, ENVELOPE_EVENT, keyring_own(own), &h, buffer_bytes(&body), false, &value));
    client_send(&f->backend, fixture_topic(f, "audit.events"), 0, text_bytes(TEXT("k")), buffer_bytes(&value));
    buffer_free(&body);
    buffer_free(&value);
}

static void send_events(size_t count, uint64_t from)
{
    for (size_t i = 0; i < count; i++)
        send_event_of("app.test", from + i);
    client_flush(&f->backend);
}

/* As a leader does with what it has stored. */
static void give_back(void)
{
    in_hand = false;
    feed_next(f->buses[0], batch_max, 0);
}

static bool has_taken(struct fixture *fx, void *cookie)
{
    (void)fx;
    if (in_hand && !hold)
        give_back();
    return taken_count >= *(size_t *)cookie;
}

static bool wait_taken(size_t count)
{
    return fixture_wait(f, has_taken, &count, 15000);
}

static bool has_moved(struct fixture *fx, void *cookie)
{
    (void)fx;
    if (in_hand && !hold)
        give_back();
    return next_offset == *(int64_t *)cookie;
}

Test(bus_feed, every_event_is_given_once_in_order_from_the_offset_asked_for)
{
    send_events(300, 0);
    feed_begin(f->buses[0], &(struct feed_offset){ 0, 100 }, 1, batch_max);
    cr_assert(wait_taken(200));
    send_events(5, 300);
    cr_assert(wait_taken(205));
    for (size_t i = 0; i < 205; i++)
        cr_assert(taken[i].offset == (int64_t)i + 100 && taken[i].n == i + 100 && taken[i].event, "item %zu", i);
    cr_assert_eq(next_offset, 305);
    feed_end(f->buses[0]);
}

Test(bus_feed, a_batch_is_no_larger_than_was_asked_and_the_next_waits_for_it)
{
    hold = true;
    batch_max = 7;
    send_events(50, 0);
    feed_begin(f->buses[0], NULL, 0, batch_max);
    cr_assert(wait_taken(1));
    fixture_sleep(f, 300);
    cr_assert(batches == 1 && taken_count <= 7, "nothing more while one is in hand");
    hold = false;
    cr_assert(wait_taken(50));
    cr_assert_leq(largest, 7);
    feed_end(f->buses[0]);
}

Test(bus_feed, what_is_not_valid_is_dead_lettered_and_its_count_is_seen)
{
    send_event_of("app.test", 0);
    send_event_of("auth.login", 1);             /* not granted */
    send_event_of("app.Bad", 2);                /* granted, of no known form */
    client_send(&f->backend, fixture_topic(f, "audit.events"), 0, text_bytes(TEXT("k")), text_bytes(TEXT("no message at all")));
    send_event_of("app.test", 3);
    client_flush(&f->backend);
    feed_begin(f->buses[0], NULL, 0, batch_max);
    cr_assert(fixture_wait(f, has_moved, &(int64_t){ 5 }, 15000));
    cr_assert_eq(taken_count, 4, "what does not open has no count");
    for (size_t i = 0; i < 4; i++)
        cr_assert(taken[i].n == i && taken[i].event == (i == 0 || i == 3), "item %zu", i);
    cr_assert_eq(fixture_metric(f, 0, "hlidka_bus_delivered_total{kind=\"dead_letter\"} "), 3,
                 "before the offsets behind them are handed over");
    cr_assert_eq(fixture_metric(f, 0, "hlidka_bus_dead_total{reason=\"forbidden_type\"} "), 1);
    cr_assert_geq(own_events, 3, "told to the service, not to the topic");
    feed_end(f->buses[0]);
}

Test(bus_feed, a_range_that_is_gone_is_told_and_the_oldest_comes_next)
{
    send_events(20, 0);
    feed_begin(f->buses[0], &(struct feed_offset){ 0, 1000 }, 1, batch_max);
    cr_assert(wait_taken(20));
    cr_assert(gaps == 1 && gap_from == 1000);
    cr_assert(taken[0].offset == 0 && next_offset == 20);
    feed_end(f->buses[0]);
}

Test(bus_feed, what_has_ended_begins_again_where_it_is_told)
{
    hold = true;
    send_events(30, 0);
    feed_begin(f->buses[0], NULL, 0, 10);
    cr_assert(wait_taken(1));
    feed_end(f->buses[0]);                      /* with a batch in hand, as when a lease is lost */
    in_hand = hold = false;
    size_t before = taken_count;                /* what had come by then, at most 10 */
    fixture_sleep(f, 300);
    cr_assert(before <= 10 && taken_count == before, "nothing comes after the end");
    feed_begin(f->buses[0], &(struct feed_offset){ 0, 4 }, 1, batch_max);
    cr_assert(wait_taken(before + 26));
    cr_assert(taken[before].offset == 4 && taken[before + 25].offset == 29);
    feed_end(f->buses[0]);
}

Test(bus_feed, an_item_that_its_receiver_cannot_keep_is_a_dead_letter)
{
    hold = true;
    send_events(1, 0);
    feed_begin(f->buses[0], NULL, 0, batch_max);
    cr_assert(wait_taken(1));
    feed_reject(f->buses[0], last_item);
    cr_assert_eq(fixture_metric(f, 0, "hlidka_bus_dead_total{reason=\"invalid_event\"} "), 1);
    give_back();
    hold = false;
    send_events(1, 1);
    cr_assert(wait_taken(2), "it goes on behind the letter");
    cr_assert_eq(fixture_metric(f, 0, "hlidka_bus_delivered_total{kind=\"dead_letter\"} "), 1);
    feed_end(f->buses[0]);
}
