#include "datakey.h"

#include "env.h"
#include "hlidka.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum {
    PROPERTIES_MAX = 64,
    CALL_MS = 5000,
    QUERY_MS = 3000,
    RETRY_FIRST_MS = 250,
    RETRY_LONGEST_MS = 4000,
    WRAPPED_MAX = 4096,
    WRAPPED_PREFIX = 8,                 /* protocol.md section 6: `hld1` and the ring key's version */
};

/* One row in any case: the key and, when there is none, a table that was sealed under one. */
static const struct pg_statement READ = { "data_key_read",
    "SELECT k.wrapped, CASE WHEN k.wrapped IS NULL THEN sealed_rows() END FROM (SELECT) one LEFT JOIN data_key k ON true", "" };
static const struct pg_statement REPLACE = { "data_key_replace", "UPDATE data_key SET wrapped = $2 WHERE wrapped = $1", "bb" };
static const struct pg_statement KEEP = { "data_key_keep",
    "INSERT INTO data_key (wrapped) VALUES ($1) ON CONFLICT DO NOTHING", "b" };

struct datakey {
    struct pg *pg;
    const char *schema;
    void (*found)(void *cookie, const struct secret *key);
    void (*lost)(void *cookie);
    void *cookie;
    struct hlidka *client;
    uv_timer_t timer;
    char why[256];
    uint64_t pause_ms;                  /* before the next try */
    uint8_t wrapped[WRAPPED_MAX];       /* as the row has it */
    size_t wrapped_len;
    bool have;                          /* found has been called */
    bool done;
    unsigned open;                      /* client, timer: what has to close */
    void (*stopped)(void *cookie);
    void *stopped_cookie;
};

static void read_row(struct datakey *d);

static void on_timer(uv_timer_t *timer);

static void wait_for(struct datakey *d, const char *what, const char *why)
{
    if (d->done)
        return;
    if (strncmp(d->why, what, strlen(what)) != 0)
        log_warn("durable.datakey", LOG_STR("waits_for", what), LOG_STR("why", why));
    snprintf(d->why, sizeof(d->why), "%s: %s", what, why);
    uv_timer_start(&d->timer, on_timer, d->pause_ms, 0);
    d->pause_ms = d->pause_ms * 2 < RETRY_LONGEST_MS ? d->pause_ms * 2 : RETRY_LONGEST_MS;
}

/* ---- crypto ------------------------------------------------------------------------------------------------------- */

static void put_context(struct hlidka_body *body, const struct datakey *d)
{
    hlidka_begin_map(body, "context");
    hlidka_put_text(body, "service", d->schema);
    hlidka_end(body);
}

/* wrapped.data NULL: the op takes none. */
static enum hlidka_status ask(struct datakey *d, const char *op, struct bytes wrapped, hlidka_done done)
{
    struct hlidka_body *body = hlidka_body_new();

    if (wrapped.data)
        hlidka_put_bin(body, "wrapped", wrapped.data, wrapped.len);
    put_context(body, d);
    enum hlidka_status s = hlidka_call(d->client, &(struct hlidka_request){
        .op = op, .body = hlidka_body_bytes(body), .deadline_ms = CALL_MS,
    }, done, d, NULL);
    hlidka_body_free(body);
    return s;
}

static const char *reason(const struct hlidka_reply *reply)
{
    return reply->outcome == HLIDKA_REFUSED ? reply->code : hlidka_status_text(reply->outcome);
}

/* The wrapped key in an answer; data NULL: there is none. */
static struct bytes wrapped_in(const struct hlidka_reply *reply)
{
    struct hlidka_value v = hlidka_get(reply->result, "wrapped");
    bool sound = reply->outcome == HLIDKA_OK && v.type == HLIDKA_BIN && v.bytes.len >= WRAPPED_PREFIX && v.bytes.len <= WRAPPED_MAX;

    return sound ? (struct bytes){ v.bytes.data, v.bytes.len } : (struct bytes){ NULL, 0 };
}

static void store(struct datakey *d, const struct pg_statement *s, struct bytes a, struct bytes b, pg_batch_cb *cb);

static void on_replaced(void *cookie, struct pg_batch *b)
{
    struct datakey *d = cookie;

    if (pg_outcome(b) != PG_DONE)
        log_warn("durable.datakey", LOG_STR("not_replaced", pg_outcome_text(pg_outcome(b))));
    else if (pg_affected(b, 0) > 0)
        log_info("durable.datakey_rewrapped");
    pg_batch_free(b);
    d->done = true;
}

static void on_rewrapped(void *cookie, const struct hlidka_reply *reply)
{
    struct datakey *d = cookie;
    struct bytes anew = wrapped_in(reply), old = { d->wrapped, d->wrapped_len };

    if (!anew.data)
        log_warn("durable.datakey", LOG_STR("not_rewrapped", reason(reply)));
    if (d->done || !anew.data || memcmp(anew.data, old.data, WRAPPED_PREFIX) == 0)
        d->done = true;                 /* the version is the newest already */
    else
        store(d, &REPLACE, old, anew, on_replaced);
}

static void on_opened(void *cookie, const struct hlidka_reply *reply)
{
    struct datakey *d = cookie;
    struct hlidka_value key = hlidka_get(reply->result, "key");
    struct secret *secret;

    if (d->done)
        return;
    if (reply->outcome != HLIDKA_OK) {
        wait_for(d, "crypto.datakey.open", reason(reply));
        return;
    }
    if (key.type != HLIDKA_BIN || key.bytes.len != DATAKEY_LEN || secret_from(key.bytes.data, DATAKEY_LEN, &secret)) {
        wait_for(d, "crypto.datakey.open", "no key of 32 bytes, or no locked memory");
        return;
    }
    d->have = true;
    d->done = ask(d, "crypto.datakey.rewrap", (struct bytes){ d->wrapped, d->wrapped_len }, on_rewrapped) != HLIDKA_OK;
    d->found(d->cookie, secret);
    secret_free(secret);
}

static void open_key(struct datakey *d, struct bytes wrapped)
{
    memcpy(d->wrapped, wrapped.data, wrapped.len);
    d->wrapped_len = wrapped.len;
    enum hlidka_status s = ask(d, "crypto.datakey.open", wrapped, on_opened);
    if (s)
        wait_for(d, "crypto.datakey.open", hlidka_status_text(s));
}

/* Ours or another instance's: what is there now is the one, and is opened by the next look. */
static void on_kept(void *cookie, struct pg_batch *b)
{
    struct datakey *d = cookie;
    bool kept = pg_outcome(b) == PG_DONE;

    pg_batch_free(b);
    if (kept && !d->done)
        read_row(d);
    else
        wait_for(d, "store", "the wrapped key cannot be kept");
}

static void on_created(void *cookie, const struct hlidka_reply *reply)
{
    struct datakey *d = cookie;
    struct bytes wrapped = wrapped_in(reply);

    if (d->done)
        return;
    if (!wrapped.data)
        wait_for(d, "crypto.datakey.create", reply->outcome == HLIDKA_OK ? "no wrapped key in the answer" : reason(reply));
    else
        store(d, &KEEP, wrapped, (struct bytes){ NULL, 0 }, on_kept);
}

static void create_key(struct datakey *d)
{
    enum hlidka_status s = ask(d, "crypto.datakey.create", (struct bytes){ NULL, 0 }, on_created);

    if (s)
        wait_for(d, "crypto.datakey.create", hlidka_status_text(s));
}

/* ---- the row ------------------------------------------------------------------------------------------------------ */

/* Another key would leave all that is there unreadable, and what comes sealed under a key that a restored row is not. */
static void say_lost(struct datakey *d, struct text table)
{
    char words[224];

    snprintf(words, sizeof(words), "table %s.%.*s has sealed rows, but %s.data_key is empty: restore its row from a backup "
             "(no new key is made; for a new beginning drop the whole schema)", d->schema, TEXT_ARG(table), d->schema);
    wait_for(d, "the key's row", words);
    d->lost(d->cookie);
}

static void on_row(void *cookie, struct pg_batch *b)
{
    struct datakey *d = cookie;
    bool read = pg_outcome(b) == PG_DONE && pg_rows(b, 0) == 1;
    struct bytes wrapped = read ? pg_bytes(b, 0, 0, 0) : (struct bytes){ NULL, 0 };
    struct text sealed = read ? pg_text(b, 0, 0, 1) : (struct text){ NULL, 0 };

    if (!read || d->done)
        wait_for(d, "store", pg_outcome_text(pg_outcome(b)));
    else if (wrapped.data)
        open_key(d, wrapped);
    else if (sealed.data)
        say_lost(d, sealed);
    else
        create_key(d);
    pg_batch_free(b);
}

/* The statement takes as many of the two as it has parameters. */
static void store(struct datakey *d, const struct pg_statement *s, struct bytes first, struct bytes second, pg_batch_cb *cb)
{
    const struct pg_param params[] = { PG_BYTES(first), PG_BYTES(second) };
    struct pg_batch *b = NULL;
    enum result r = pg_batch_new(2 * WRAPPED_MAX + 64, &b);

    if (!r)
        r = pg_batch_add(b, s, params, strlen(s->params));
    if (!r)
        r = pg_submit(d->pg, b, QUERY_MS, cb, d);
    if (!r)
        return;
    pg_batch_free(b);
    if (d->have)
        d->done = true;                 /* a rewrap: the next errand's */
    else
        wait_for(d, "store", result_text(r));
}

static void read_row(struct datakey *d)
{
    store(d, &READ, (struct bytes){ NULL, 0 }, (struct bytes){ NULL, 0 }, on_row);
}

static void on_timer(uv_timer_t *timer)
{
    read_row(timer->data);
}

/* ---- beginning and end -------------------------------------------------------------------------------------------- */

struct properties {
    struct hlidka_property items[PROPERTIES_MAX];
    size_t count;
};

static enum result add_property(void *cookie, const char *name, const char *value)
{
    struct properties *p = cookie;

    if (p->count == PROPERTIES_MAX)
        return RESULT_FULL;
    p->items[p->count++] = (struct hlidka_property){ strdup(name), strdup(value) };
    return p->items[p->count - 1].name && p->items[p->count - 1].value ? RESULT_OK : RESULT_NO_MEMORY;
}

static void free_properties(struct properties *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((char *)p->items[i].name);
        free((char *)p->items[i].value);
    }
}

static void on_notice(void *cookie, const char *text)
{
    (void)cookie;
    log_info("durable.datakey_client", LOG_STR("text", text));
}

static enum result open_client(struct datakey *d, struct service *s, struct buffer *why)
{
    struct service_identity who = service_identity(s);
    struct properties properties = { .count = 0 };
    char words[HLIDKA_WHY_LEN] = "", client_id[128];
    enum result r = env_kafka(add_property, &properties);

    snprintf(client_id, sizeof(client_id), "%s-datakey", service_instance(s));
    if (!r && hlidka_open(service_loop(s), &(struct hlidka_options){
            .brokers = who.brokers, .prefix = who.prefix, .principal = d->schema, .principals_path = who.principals,
            .key_path = who.key_file, .client_id = client_id, .in_flight_max = 4, .properties = properties.items,
            .property_count = properties.count, .notice = on_notice,
        }, &d->client, words))
        r = RESULT_BAD_CONFIG;
    free_properties(&properties);
    if (r && buffer_printf(why, "asking crypto for the data key: %s\n", words[0] ? words : result_text(r)))
        return RESULT_NO_MEMORY;
    return r;
}

enum result datakey_find(const struct datakey_options *options, struct datakey **out, struct buffer *why)
{
    struct datakey *d = calloc(1, sizeof(*d));

    if (!d)
        return RESULT_NO_MEMORY;
    *d = (struct datakey){
        .pg = options->pg, .schema = options->schema, .found = options->found, .lost = options->lost, .cookie = options->cookie,
        .pause_ms = RETRY_FIRST_MS,
    };
    enum result r = open_client(d, options->service, why);
    if (r) {
        free(d);
        return r;
    }
    /* uv_timer_init cannot fail, nor uv_timer_start with a callback. */
    uv_timer_init(service_loop(options->service), &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timer, 0, 0);
    d->open = 2;
    *out = d;
    return RESULT_OK;
}

const char *datakey_why(const struct datakey *d)
{
    return d->why[0] ? d->why : "looking for it";
}

bool datakey_over(const struct datakey *d)
{
    return d->done;
}

static void closed(struct datakey *d)
{
    void (*stopped)(void *cookie) = d->stopped;
    void *cookie = d->stopped_cookie;

    if (--d->open > 0)
        return;
    free(d);
    stopped(cookie);
}

static void on_client_closed(void *cookie)
{
    closed(cookie);
}

static void on_timer_closed(uv_handle_t *handle)
{
    closed(handle->data);
}

void datakey_stop(struct datakey *d, void (*stopped)(void *cookie), void *cookie)
{
    d->done = true;
    d->stopped = stopped;
    d->stopped_cookie = cookie;
    hlidka_close(d->client, on_client_closed, d);
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}
