#include "bus.h"

#include "audit.h"
#include "bus_internal.h"
#include "clock.h"
#include "said.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SECOND_MS = 1000,
    HURRY_MS = 20,
    DEFAULT_WINDOW = 512,
    DEFAULT_SLOW_MAX = 64,
    DEFAULT_AHEAD_MS = 60000,
    DEFAULT_AGE_MS = 15 * 60 * 1000,
};

/* ---- the loop ---- */

/* Of librdkafka's threads, and under its locks: nothing else may be done here. */
void bus_on_queue(rd_kafka_t *rk, void *opaque)
{
    struct bus *b = opaque;

    (void)rk;
    uv_async_send(&b->wake);
}

static void serve(struct bus *b)
{
    if (b->state == BUS_CLOSED)
        return;
    /* Reports first: they make room. */
    producer_serve(b);
    /* Then what is to be forgotten: the answers that follow are to know. */
    if (b->state < BUS_LEAVING && broadcast_serve(b))
        uv_async_send(&b->wake);
    if (b->state < BUS_LEAVING && consumer_serve(b))
        uv_async_send(&b->wake);
    if (b->state < BUS_LEAVING && feed_serve(b))
        uv_async_send(&b->wake);
    consumer_leave_if_due(b);
    partitions_store(b);
    if (b->state > BUS_RUNNING)
        closing_step(b);
}

/* Last of what is done at a time: the bus may be stopped from within. */
static void tell_if_lost(struct bus *b)
{
    if (!b->lost || b->lost_told || b->state > BUS_RUNNING)
        return;
    b->lost_told = true;
    partitions_hold(b, true);
    if (b->options.lost)
        b->options.lost(b->options.lost_cookie, "librdkafka has given up for good");
}

static void on_wake(uv_async_t *handle)
{
    serve(handle->data);
    tell_if_lost(handle->data);
}

static void every_second(struct bus *b)
{
    uint64_t now_ms = clock_boot_ns() / NS_PER_MS;

    dead_queue_tick(b);
    for (struct peer *p = b->peers.first; p; p = p->next)
        if (clock_watch_judge(&p->clock, now_ms) != CLOCK_FINE)
            log_warn("bus.clock_skew", LOG_STR("src", p->name), LOG_INT("skew_ms", clock_watch_median_ms(&p->clock)));
}

static void on_tick(uv_timer_t *handle);

static void set_timer(struct bus *b, bool hurry)
{
    uint64_t ms = hurry ? HURRY_MS : SECOND_MS;

    b->hurry = hurry;
    if (uv_timer_start(&b->tick, on_tick, ms, ms))
        log_error("bus.timer", LOG_RESULT(RESULT_INTERNAL));
}

static void on_tick(uv_timer_t *handle)
{
    struct bus *b = handle->data;
    uint64_t now = clock_boot_ns();

    if (now - b->second_ns >= (SECOND_MS - HURRY_MS) * NS_PER_MS) {
        b->second_ns = now;
        every_second(b);
    }
    topics_tick(b);
    broadcast_tick(b);
    feed_tick(b);
    serve(b);
    bool hurry = b->state > BUS_RUNNING || b->partitions.leaving || (b->topics.wanted && !b->topics.round);
    if (b->state != BUS_CLOSED && hurry != b->hurry)
        set_timer(b, hurry);
}

void bus_hurry(struct bus *b)
{
    if (!b->hurry && b->state != BUS_NEW && b->state != BUS_CLOSED)
        set_timer(b, true);
}

void bus_trace(struct bus *b, struct text trace)
{
    b->trace_len = trace.len;
    if (trace.len > 0)
        memcpy(b->trace, trace.data, trace.len);
    log_trace(trace);
}

/* ---- its beginning ---- */

static void settle_options(struct bus *b, const struct bus_options *options)
{
    b->options = *options;
    if (b->options.window == 0)
        b->options.window = DEFAULT_WINDOW;
    if (b->options.slow_max == 0)
        b->options.slow_max = DEFAULT_SLOW_MAX;
    if (b->options.ahead_ms == 0)
        b->options.ahead_ms = DEFAULT_AHEAD_MS;
    if (b->options.age_ms == 0)
        b->options.age_ms = DEFAULT_AGE_MS;
    if (b->options.ttl_max_ms == 0)
        b->options.ttl_max_ms = ENVELOPE_TTL_MAX_MS;
    b->self = text_of(b->options.service);
    b->prefix = text_of(b->options.prefix);
    b->files = (struct identity_files){ options->principals_path, options->key_path, options->sign_path };
}

static enum result init_parts(struct bus *b, struct buffer *why)
{
    enum result r;

    requests_init(b);
    events_init(b);
    peers_init(&b->peers, b->prefix, b->options.metrics);
    if ((r = topics_init(b)) || (r = copies_init(b)) || (r = dead_queue_init(b)) || (r = stats_init(b)))
        return r;
    if (asprintf(&b->group, "%.*s%.*s", TEXT_ARG(b->prefix), TEXT_ARG(b->self)) < 0) {
        b->group = NULL;
        return RESULT_NO_MEMORY;
    }
    if ((r = identity_load(&b->files, &b->peers, &b->identity, why)))
        return r;
    dispatch_init(b);
    return RESULT_OK;
}

static void free_parts(struct bus *b)
{
    requests_free(b);
    partitions_free(b);
    producer_free(b);
    events_free(b);
    broadcast_free(b);
    feed_free(b);
    copies_free(b);
    dead_queue_free(b);
    stats_free(b);
    identity_drop(b->identity);
    topics_free(b);
    peers_free(&b->peers);
    free(b->group);
    free(b);
}

static enum result open_loop(struct bus *b, struct buffer *why)
{
    int err = uv_timer_init(b->loop, &b->tick);

    if (!err && (err = uv_timer_init(b->loop, &b->broadcast.beat)))
        uv_close((uv_handle_t *)&b->tick, NULL);
    if (!err && (err = uv_async_init(b->loop, &b->wake, on_wake))) {
        uv_close((uv_handle_t *)&b->tick, NULL);
        uv_close((uv_handle_t *)&b->broadcast.beat, NULL);
    }
    b->wake.data = b->tick.data = b->broadcast.beat.data = b;
    if (!err) {
        producer_loop(b);
        return RESULT_OK;
    }
    enum result r = buffer_printf(why, "libuv: %s\n", uv_strerror(err));
    return r ? r : RESULT_INTERNAL;
}

static void close_handles(struct bus *b)
{
    if (b->consumer.queue)
        rd_kafka_queue_destroy(b->consumer.queue);
    if (b->consumer.rk)
        rd_kafka_destroy(b->consumer.rk);
    if (b->broadcast.queue)
        rd_kafka_queue_destroy(b->broadcast.queue);
    if (b->broadcast.rk)
        rd_kafka_destroy(b->broadcast.rk);
    if (b->feed.queue)
        rd_kafka_queue_destroy(b->feed.queue);
    if (b->feed.rk)
        rd_kafka_destroy(b->feed.rk);
    if (b->producer.rk)
        rd_kafka_destroy(b->producer.rk);
}

enum result bus_new(struct uv_loop_s *loop, const struct bus_options *options, struct bus **out, struct buffer *why)
{
    enum result r;
    struct bus *b = calloc(1, sizeof(*b));

    if (!b)
        return RESULT_NO_MEMORY;
    b->loop = loop;
    settle_options(b, options);
    /* The loop's handles last: they alone cannot be taken back at once. */
    if ((r = init_parts(b, why)) || (r = producer_open(b, why)) || (r = consumer_open(b, why)) ||
        (r = broadcast_open(b, why)) || (r = feed_open(b, why)) ||
        (r = open_loop(b, why))) {
        close_handles(b);
        free_parts(b);
        return r;
    }
    *out = b;
    return RESULT_OK;
}

enum result bus_start(struct bus *b, struct buffer *why)
{
    rd_kafka_queue_t *reports = rd_kafka_queue_get_main(b->producer.rk);

    if (!reports) {
        enum result r = buffer_printf(why, "librdkafka: no queue of reports\n");
        return r ? r : RESULT_INTERNAL;
    }
    b->state = BUS_RUNNING;
    rd_kafka_queue_cb_event_enable(reports, bus_on_queue, b);
    rd_kafka_queue_cb_event_enable(b->consumer.queue, bus_on_queue, b);
    if (b->broadcast.queue)
        rd_kafka_queue_cb_event_enable(b->broadcast.queue, bus_on_queue, b);
    if (b->feed.queue)
        rd_kafka_queue_cb_event_enable(b->feed.queue, bus_on_queue, b);
    rd_kafka_queue_destroy(reports);
    set_timer(b, false);
    broadcast_start(b);
    topics_refresh(b);
    return RESULT_OK;
}

void bus_join(struct bus *b)
{
    struct buffer why;

    buffer_init(&why, 512);
    if (consumer_subscribe(b, &why))
        log_error("bus.subscribe", LOG_TEXT("why", ((struct text){ (const char *)why.data, why.len })));
    buffer_free(&why);
    broadcast_tick(b);
}

/* ---- its middle ---- */

void bus_hold(struct bus *b, bool hold)
{
    if (b->state <= BUS_RUNNING && !b->lost && b->partitions.hold != hold)
        partitions_hold(b, hold);
}

/* The file's hash, so that audit can tell what was in force when. */
void bus_config_changed(struct bus *b, struct text file, const uint8_t sha256[32])
{
    char hex[65];
    struct scalar_pair attrs[] = {
        { TEXT("file"), { .type = MP_STR, .str = file } },
        { TEXT("sha256"), { .type = MP_STR, .str = { hex, 64 } } },
    };
    struct audit_event event = {
        .type = TEXT("config.changed"),
        .time = clock_unix_ms(),
        .outcome = AUDIT_SUCCESS,
        .attrs = { attrs, sizeof(attrs) / sizeof(attrs[0]) },
        .has_attrs = true,
    };

    for (unsigned i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    log_info("bus.config_changed", LOG_TEXT("file", file), LOG_STR("sha256", hex));
    bus_event(b, &event, text_bytes(b->self));
}

void bus_reload(struct bus *b)
{
    struct identity *fresh;
    struct buffer why;

    if (b->state > BUS_RUNNING || !identity_changed(b->identity, &b->files))
        return;
    buffer_init(&why, 64 * 1024);
    enum result r = identity_load(&b->files, &b->peers, &fresh, &why);
    if (r) {
        struct text reason = { (const char *)why.data, why.len };
        /* Every second a new try, and one line for all of them. */
        if (said_anew(&b->reload_said, r, reason))
            log_error("bus.reload_refused", LOG_RESULT(r), LOG_TEXT("why", reason));
        b->stats.refused_file = 1;
        buffer_free(&why);
        return;
    }
    buffer_free(&why);
    bool changed = memcmp(principals_sha256(fresh->principals), principals_sha256(b->identity->principals), 32) != 0;
    identity_drop(b->identity);
    b->identity = fresh;
    b->stats.refused_file = 0;
    b->reload_said = 0;
    dispatch_identity(b);
    topics_refresh(b);                  /* a new principal has a reply topic */
    if (changed)
        bus_config_changed(b, TEXT("principals"), principals_sha256(b->identity->principals));
}

static const char *clock_fault(struct bus *b, struct buffer *detail)
{
    uint64_t now_ms = clock_boot_ns() / NS_PER_MS;

    for (struct peer *p = b->peers.first; p; p = p->next)
        if (clock_watch_judge(&p->clock, now_ms) == CLOCK_WRONG) {
            if (buffer_printf(detail, "%s is %lld ms off", p->name, (long long)clock_watch_median_ms(&p->clock)))
                buffer_reset(detail);
            return "clock";
        }
    return NULL;
}

static const char *say(struct buffer *detail, const char *what, const char *text)
{
    if (buffer_printf(detail, "%s", text))
        buffer_reset(detail);           /* the word says it without */
    return what;
}

const char *bus_not_ready(struct bus *b, struct buffer *detail)
{
    const char *fault = identity_fault(b->identity, b->self);

    if (fault)
        return say(detail, "principals", fault);
    if (b->lost)
        return say(detail, "bus", "librdkafka has given up for good");
    if (b->consumer.down)
        return say(detail, "bus", "no broker is reachable");
    if (!b->topics.known)
        return say(detail, "bus", "no metadata yet");
    if ((fault = topics_fault(b, detail)))
        return fault;
    if (!b->consumer.joined)
        return say(detail, "bus", "not a member of the group yet");
    return clock_fault(b, detail);
}

unsigned bus_instances(const struct bus *b)
{
    unsigned ours = b->partitions.assigned, all = b->topics.own[OWN_REQUESTS].partitions;

    return ours > 0 && all > ours ? (all + ours - 1) / ours : 1;
}

enum result bus_sign(const struct bus *b, struct text context, struct bytes body, uint8_t key_id[8], uint8_t sig[64])
{
    const struct principal_key *signer = keyring_signer(b->identity->keyring);

    if (!signer)
        return RESULT_NOT_FOUND;
    memcpy(key_id, signer->id.bytes, sizeof(signer->id.bytes));
    return sign_detached(b->identity->keyring, context, body, sig);
}

bool bus_fresh(const struct bus *b)
{
    return broadcast_fresh(b, clock_boot_ns());
}

/* ---- its end ---- */

void bus_stop(struct bus *b, uint32_t drain_ms, void (*stopped)(void *cookie), void *cookie)
{
    closing_begin(b, drain_ms, stopped, cookie);
}

void bus_free(struct bus *b)
{
    if (b)
        free_parts(b);
}
