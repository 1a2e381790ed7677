/*
 * crypto on a real postgres, a blob directory and a bus: two instances in one process, on one loop. What a client sees is
 * asked over the bus; what is stored is looked at, and spoilt, past the service.
 */
#include "blobs_dir.h"
#include "bus_fixture.h"
#include "claim.h"
#include "db_server.h"
#include "janitor.h"
#include "offload.h"
#include "outgoing.h"
#include "rings_open.h"
#include "service_double.h"
#include "store_recordings.h"
#include "wrapped_key.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNIT PART_UNIT
#define must(condition) cr_assert(condition, "%s", #condition)

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

/* ---- instances ----------------------------------------------------------------------------------------------------- */

/* A blob store that fails as the test likes. */
struct moody_blobs {
    struct blobs blobs;                 /* first */
    struct blobs *real;
    bool crash_after_put;               /* written, and then nobody is there to say so */
    atomic_uint lists;                  /* shards that a janitor has begun to sweep */
};

struct instance {
    struct vault vault;
    struct service service;
    struct moody_blobs moody;
    struct claim *claim;
    struct janitor *janitor;
    uv_timer_t tick;
    bool refused, asleep;
    unsigned closing;
};

static struct fixture *f;
static struct db_server *server;
static struct instance instances[2];
static struct roots *roots;
static char directory[64], blob_path[96], url_path[96];

static enum result moody_put(struct blobs *b, const struct uuid *name, struct bytes data)
{
    struct moody_blobs *m = (struct moody_blobs *)b;
    enum result r = m->real->put(m->real, name, data);

    return m->crash_after_put ? RESULT_IO : r;
}

static enum result moody_get(struct blobs *b, const struct uuid *name, uint64_t offset, size_t len, uint8_t *out)
{
    struct moody_blobs *m = (struct moody_blobs *)b;
    return m->real->get(m->real, name, offset, len, out);
}

static enum result moody_remove(struct blobs *b, const struct uuid *name)
{
    struct moody_blobs *m = (struct moody_blobs *)b;
    return m->real->remove(m->real, name);
}

static enum result moody_list(struct blobs *b, unsigned shard, uint64_t age_ms, const struct uuid *after, struct uuid *names,
                              size_t max, size_t *count)
{
    struct moody_blobs *m = (struct moody_blobs *)b;

    m->lists++;
    return m->real->list(m->real, shard, age_ms, after, names, max, count);
}

static enum result moody_place(struct blobs *b, const struct uuid *id)
{
    struct moody_blobs *m = (struct moody_blobs *)b;
    return m->real->place(m->real, id);
}

static enum result moody_identity(struct blobs *b, struct uuid *id)
{
    struct moody_blobs *m = (struct moody_blobs *)b;
    return m->real->identity(m->real, id);
}

static void on_migrated(void *cookie)
{
    claim_start(((struct instance *)cookie)->claim);
}

static void on_claimed(void *cookie)
{
    rings_start(((struct instance *)cookie)->vault.rings);
}

static void on_refused(void *cookie, const char *why)
{
    (void)why;
    ((struct instance *)cookie)->refused = true;
}

static void on_known(void *cookie, const struct secret *secret)
{
    must(!durable_set_secret(((struct instance *)cookie)->vault.durable, secret));
}

static void send_event(void *cookie, const struct audit_event *event, struct bytes key)
{
    struct bus *bus = service_bus(&((struct instance *)cookie)->service);

    if (bus)
        bus_event(bus, event, key);
}

/* The janitor is called by the tests that want it. */
static void on_tick(uv_timer_t *timer)
{
    struct instance *in = timer->data;

    if (in->asleep)
        return;
    rings_tick(in->vault.rings);
    claim_tick(in->claim);
}

static void open_instance(unsigned i)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, NULL };
    static const uint8_t SEED[16] = { 7 };
    struct instance *in = &instances[i];
    struct vault *v = &in->vault;
    struct buffer why;

    *in = (struct instance){ .moody = { { moody_put, moody_get, moody_remove, moody_list, moody_place, moody_identity, NULL }, NULL, false, 0 } };
    service_double(&in->service, &f->loop, i == 0 ? "crypto-0" : "crypto-1");
    in->service.bus = &f->buses[i];
    must(!metrics_new(&in->service.metrics));
    buffer_init(&why, 4096);
    must(!blobs_dir_open(blob_path, &in->moody.real, &why));
    v->blobs = &in->moody.blobs;
    v->send = send_event;
    v->cookie = in;
    must(!decrypts_new(100, SEED, tell_decrypts, v, &v->decrypts));
    must(!janitor_new(v, 0, 0, &in->janitor));
    must(!claim_new(&(struct claim_options){ v, on_claimed, on_refused, in }, &in->claim));
    enum result r = durable_open(&(struct durable_options){
        .service = &in->service, .pg_url_file = url_path, .schema = "crypto", .streams = STREAMS, .migrated = on_migrated, .cookie = in,
    }, &v->durable, &why);
    cr_assert(!r, "%.*s", (int)why.len, (const char *)why.data);
    buffer_free(&why);
    must(!rings_new(&(struct rings_options){ v->durable, roots, on_known, in }, &v->rings));
    must(!offload_new(&f->loop, NULL, &v->offload));
    must(!uv_timer_init(&f->loop, &in->tick));
    in->tick.data = in;
    must(!uv_timer_start(&in->tick, on_tick, 50, 50));
}

static void on_closed(void *cookie)
{
    ((struct instance *)cookie)->closing--;
}

static void on_tick_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

static bool closed(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return ((struct instance *)cookie)->closing == 0;
}

static void close_instance(unsigned i)
{
    struct instance *in = &instances[i];

    if (!in->vault.durable)
        return;
    in->closing = 3;
    uv_close((uv_handle_t *)&in->tick, on_tick_closed);
    durable_close(in->vault.durable, on_closed, in);
    offload_close(in->vault.offload, on_closed, in);
    must(fixture_wait(f, closed, in, 15000));
    rings_free(in->vault.rings);
    claim_free(in->claim);
    janitor_free(in->janitor);
    decrypts_free(in->vault.decrypts);
    in->moody.real->free(in->moody.real);
    metrics_free(in->service.metrics);
    in->vault.durable = NULL;
}

static bool both_open(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    return durable_is_open(instances[0].vault.durable) && durable_is_open(instances[1].vault.durable);
}

static bool both_serve(struct fixture *fixture, void *cookie)
{
    (void)cookie;
    return fixture_ready(fixture, 0) && fixture_ready(fixture, 1);
}

/* ---- talking ------------------------------------------------------------------------------------------------------- */

/* The last reply's result, in msgpack. */
static struct buffer last;
static struct uuid last_re;

static void keep_result(const struct uuid *re, struct bytes result)
{
    buffer_reset(&last);
    last_re = *re;
    must(!buffer_append(&last, result.data, result.len));
}

static void send_as(const struct uuid *id, const struct op *op, const void *body, int32_t partition)
{
    struct envelope_header h = client_header(&f->backend, op->name.data);
    struct buffer plain, value;

    h.op = op->name;
    h.id = *id;
    buffer_init(&plain, ENVELOPE_VALUE_MAX);
    buffer_init(&value, ENVELOPE_VALUE_MAX);
    struct mp_writer w = mp_writer_to(&plain);
    must(!body_encode(op->request, body, &w));
    client_seal(&f->backend, &h, buffer_bytes(&plain), &value);
    client_send(&f->backend, fixture_topic(f, "crypto.requests"), partition, (struct bytes){ NULL, 0 }, buffer_bytes(&value));
    buffer_free(&value);
    buffer_free(&plain);
}

static struct uuid fresh_id(void)
{
    return client_header(&f->backend, "crypto.encrypt").id;
}

/* Statuses; `out` (of op's result) is filled when it is 200, its texts borrowed until the next ask. */
static struct arena result_arena;

static uint64_t ask_at(int32_t partition, const struct op *op, const void *body, void *out)
{
    struct uuid id = fresh_id();
    struct field_errors errors;

    send_as(&id, op, body, partition);
    const struct arrived *a = client_await(&f->backend, &id, 15000);
    must(a);
    if (a->status == 200 && out) {
        must(memcmp(last_re.bytes, id.bytes, 16) == 0);
        arena_reset(&result_arena);
        must(!body_decode(op->result, buffer_bytes(&last), &result_arena, out, &errors));
    }
    return a->status;
}

static uint64_t ask(const struct op *op, const void *body, void *out)
{
    return ask_at(0, op, body, out);
}

static uint8_t sound[8 * UNIT];

static struct crypto_audio_put_request part_body(const struct uuid *object, uint64_t size, uint64_t offset, size_t len)
{
    return (struct crypto_audio_put_request){
        .has_object_id = object != NULL, .object_id = object ? *object : (struct uuid){ { 0 } }, .media_type = TEXT("audio/ogg"),
        .size = size, .offset = offset, .data = { sound + offset, len }, .ttl_s = 3600, .owner = TEXT("u-1"),
    };
}

static struct uuid put_whole(uint64_t size)
{
    struct crypto_audio_put_request body = part_body(NULL, size, 0, size);
    struct crypto_audio_put_result result;

    cr_assert_eq(ask(&op_crypto_audio_put, &body, &result), 200);
    cr_assert(result.complete);
    return result.object_id;
}

static struct uuid put_first(uint64_t size)
{
    struct crypto_audio_put_request body = part_body(NULL, size, 0, UNIT);
    struct crypto_audio_put_result result;

    cr_assert_eq(ask(&op_crypto_audio_put, &body, &result), 200);
    cr_assert_not(result.complete);
    return result.object_id;
}

static uint64_t get(const struct uuid *id, uint64_t offset, uint64_t length)
{
    struct crypto_audio_get_result result;
    uint64_t status = ask(&op_crypto_audio_get, &(struct crypto_audio_get_request){ *id, offset, length }, &result);

    if (status == 200)
        cr_expect(result.data.len <= length && memcmp(result.data.data, sound + offset, result.data.len) == 0);
    return status;
}

static uint64_t stat_of(const struct uuid *id)
{
    return ask(&op_crypto_audio_stat, &(struct crypto_object_request){ *id }, NULL);
}

static const char *last_code(void)
{
    return f->backend.replies.items[f->backend.replies.count - 1].code;
}

/* ---- looking behind it --------------------------------------------------------------------------------------------- */

struct asked {
    bool over;
    int64_t value;
};

static void on_answer(void *cookie, struct pg_batch *b)
{
    struct asked *a = cookie;

    cr_expect_eq(pg_outcome(b), PG_DONE, "%s %s", pg_sqlstate(b), pg_constraint(b));
    a->over = true;
    a->value = pg_outcome(b) == PG_DONE && pg_rows(b, 0) > 0 ? pg_int(b, 0, 0, 0) : -1;
    pg_batch_free(b);
}

static bool answered(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return ((struct asked *)cookie)->over;
}

static int64_t run_sql(const struct pg_statement *s)
{
    struct asked a = { false, 0 };
    struct pg_batch *b;

    must(!pg_batch_new(1024, &b) && !pg_batch_add(b, s, NULL, 0));
    must(!pg_submit(durable_pg(instances[0].vault.durable), b, 5000, on_answer, &a));
    must(fixture_wait(f, answered, &a, 6000));
    return a.value;
}

#define SQL(text)                                                                                          \
    ({                                                                                                     \
        static const struct pg_statement s_ = { "test_" NAME_(__COUNTER__), text, "" };              \
        run_sql(&s_);                                                                                      \
    })
#define NAME_(line) NAME__(line)
#define NAME__(line) #line

/* Blob files; the last one's path. */
static size_t blobs_there(char path[256])
{
    size_t count = 0;

    for (unsigned i = 0; i < BLOB_SHARDS; i++) {
        char dir_name[160];
        const struct dirent *e;

        snprintf(dir_name, sizeof(dir_name), "%s/%02x", blob_path, i);
        DIR *dir = opendir(dir_name);
        must(dir);
        while ((e = readdir(dir)))
            if (e->d_name[0] != '.') {
                count++;
                if (path)
                    snprintf(path, 256, "%s/%.40s", dir_name, e->d_name);
            }
        closedir(dir);
    }
    return count;
}

static size_t blob_count(void)
{
    return blobs_there(NULL);
}

static bool blobs_are(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return blob_count() == *(size_t *)cookie;
}

static void flip(const char *path, off_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);

    must(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 1;
    must(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

struct round {
    struct instance *in;
    unsigned end;
};

static bool is_round(struct fixture *fixture, void *cookie)
{
    struct round *r = cookie;

    (void)fixture;
    janitor_tick(r->in->janitor);
    return r->in->moody.lists >= r->end;
}

/* All shards. The first of the next round is begun when the last of this one has ended. */
static void sweep(unsigned instance)
{
    struct round r = { &instances[instance], instances[instance].moody.lists + BLOB_SHARDS + 1 };

    cr_assert(fixture_wait(f, is_round, &r, 60000));
}

static bool events_came(struct fixture *fixture, void *cookie)
{
    return fixture->events.count >= *(size_t *)cookie;
}

struct replies {
    const struct uuid *id;
    size_t count;
};

static bool replies_came(struct fixture *fixture, void *cookie)
{
    const struct replies *r = cookie;

    return client_replies(&fixture->backend, r->id) >= r->count;
}

/* Both may use what they have in memory. */
static bool keys_are_trusted(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    for (unsigned i = 0; i < 2; i++) {
        struct keyset *set = rings_take(instances[i].vault.rings);
        if (!set)
            return false;
        keyset_release(set);
    }
    return true;
}

static bool keys_are_others(struct fixture *fixture, void *cookie)
{
    struct keyset *const *before = cookie;
    bool others = keys_are_trusted(fixture, NULL);

    for (unsigned i = 0; i < 2; i++)
        others = others && !rings_hold_true(instances[i].vault.rings, before[i]);
    return others;
}

/* What was changed in the table is told, and both have read it. */
static void keys_have_changed(void)
{
    struct keyset *before[2];

    must(fixture_wait(f, keys_are_trusted, NULL, 10000));
    for (unsigned i = 0; i < 2; i++)
        must(before[i] = rings_take(instances[i].vault.rings));
    (void)SQL("UPDATE key_epoch SET epoch = epoch + 1");
    must(fixture_wait(f, keys_are_others, before, 10000));
    for (unsigned i = 0; i < 2; i++)
        keyset_release(before[i]);
}

/* ---- the scene ----------------------------------------------------------------------------------------------------- */

static void up(void)
{
    static const char KEY[] = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    struct secret *file;
    size_t line;

    snprintf(directory, sizeof(directory), "/tmp/hlidka-crypto-XXXXXX");
    must(mkdtemp(directory));
    snprintf(blob_path, sizeof(blob_path), "%s/blobs", directory);
    snprintf(url_path, sizeof(url_path), "%s/url", directory);
    must(mkdir(blob_path, 0700) == 0);
    server = db_postgres_start(NULL);
    FILE *url = fopen(url_path, "w");
    must(url && fputs(db_server_url(server), url) >= 0 && fclose(url) == 0 && chmod(url_path, 0600) == 0);
    must(!secret_from(KEY, strlen(KEY), &file) && !roots_parse(file, &roots, &line));
    secret_free(file);
    f = fixture_new_of("crypto");
    f->take_result = keep_result;
    buffer_init(&last, ENVELOPE_VALUE_MAX);
    arena_init(&result_arena, NULL, 0, 1 << 20);
    for (size_t i = 0; i < sizeof(sound); i++)
        sound[i] = (uint8_t)(i * 7 + (i >> 9));
    memcpy(sound, "OggS", 4);
    /* Both at once: of the first ring keys, of the store-id and of the schema there must be one each. */
    open_instance(0);
    open_instance(1);
    must(fixture_wait(f, both_open, NULL, 30000));
    f->options.routes = vault_routes;
    f->options.route_count = vault_route_count;
    for (unsigned i = 0; i < 2; i++) {
        f->options.handler_cookie = &instances[i].vault;
        fixture_bus_start(f, i);
    }
    must(fixture_wait(f, both_serve, NULL, 60000));
}

static void down(void)
{
    char command[128];

    for (unsigned i = 0; i < 2; i++)
        fixture_bus_stop(f, i, 1000);
    for (unsigned i = 0; i < 2; i++)
        close_instance(i);
    fixture_free(f);
    db_server_stop(server);
    roots_free(roots);
    buffer_free(&last);
    arena_reset(&result_arena);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    must(system(command) == 0);
}

TestSuite(crypto_store, .init = up, .fini = down, .timeout = 120);

/* ---- what must hold ------------------------------------------------------------------------------------------------ */

Test(crypto_store, instances_that_start_together_share_one_set_of_keys)
{
    cr_expect_eq(SQL("SELECT count(*) FROM ring_keys"), RING_COUNT);
    struct uuid id = put_whole(2 * UNIT);
    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++) {
        struct crypto_audio_get_result result;
        cr_expect_eq(ask_at(p, &op_crypto_audio_get, &(struct crypto_audio_get_request){ id, 0, 2 * UNIT }, &result), 200);
    }
}

Test(crypto_store, the_same_part_at_two_instances_is_stored_once)
{
    for (unsigned round = 0; round < 5; round++) {
        struct uuid id = put_first(2 * UNIT), ids[FIXTURE_PARTITIONS];
        struct crypto_audio_put_request body = part_body(&id, 2 * UNIT, UNIT, UNIT);

        for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++) {
            ids[p] = fresh_id();
            send_as(&ids[p], &op_crypto_audio_put, &body, p);
        }
        for (size_t p = 0; p < FIXTURE_PARTITIONS; p++) {
            const struct arrived *a = client_await(&f->backend, &ids[p], 15000);
            cr_assert(a && a->status == 200, "%d", a ? (int)a->status : -1);
        }
        cr_expect_eq(get(&id, 0, 2 * UNIT), 200);
    }
    size_t blobs = (size_t)SQL("SELECT count(*) FROM parts");
    cr_expect_eq(blobs, 10);
    cr_expect(fixture_wait(f, blobs_are, &blobs, 5000), "%zu blobs of %zu parts", blob_count(), blobs);
}

Test(crypto_store, of_two_different_parts_at_once_one_wins)
{
    static uint8_t rivals[FIXTURE_PARTITIONS][UNIT];
    struct uuid id = put_first(2 * UNIT), ids[FIXTURE_PARTITIONS];
    unsigned won = 0, lost = 0;

    for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++) {
        struct crypto_audio_put_request body = part_body(&id, 2 * UNIT, UNIT, UNIT);
        memset(rivals[p], p + 1, UNIT);
        body.data.data = rivals[p];
        ids[p] = fresh_id();
        send_as(&ids[p], &op_crypto_audio_put, &body, p);
    }
    for (size_t p = 0; p < FIXTURE_PARTITIONS; p++) {
        const struct arrived *a = client_await(&f->backend, &ids[p], 15000);
        cr_assert(a);
        won += a->status == 200;
        lost += a->status == 409;
    }
    cr_expect(won == 1 && lost == FIXTURE_PARTITIONS - 1, "%u won, %u lost", won, lost);
    size_t blobs = 2;
    cr_expect(fixture_wait(f, blobs_are, &blobs, 5000), "%zu blobs", blob_count());
}

/* The part that is there is read back for it, so what was done to it meanwhile shows. */
Test(crypto_store, a_part_sent_again_is_compared_with_what_is_there)
{
    struct uuid id = put_whole(2 * UNIT);
    struct crypto_audio_put_request body = part_body(&id, 2 * UNIT, 0, 2 * UNIT);
    struct crypto_audio_put_result result;
    static uint8_t other[2 * UNIT];
    char path[256];

    cr_expect_eq(ask(&op_crypto_audio_put, &body, &result), 200);
    cr_expect(result.complete && result.received == 2 * UNIT);
    memcpy(other, body.data.data, sizeof(other));
    other[sizeof(other) - 1] ^= 1;
    body.data.data = other;
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 409);
    cr_expect_str_eq(last_code(), "conflict");
    cr_assert_eq(blobs_there(path), 1);
    flip(path, 5000);
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 422);
    cr_expect_str_eq(last_code(), "decrypt_failed");
    cr_expect_eq(instances[0].vault.stats.tampered + instances[1].vault.stats.tampered, 1);
    must(unlink(path) == 0);
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 422);
    cr_expect_eq(instances[0].vault.stats.tampered + instances[1].vault.stats.tampered, 2);
}

Test(crypto_store, the_last_parts_at_once_complete_it_once)
{
    for (unsigned round = 0; round < 5; round++) {
        struct uuid id = put_first(4 * UNIT), ids[3];
        struct crypto_audio_stat_result result;

        for (int32_t p = 0; p < 3; p++) {
            struct crypto_audio_put_request body = part_body(&id, 4 * UNIT, (uint64_t)(p + 1) * UNIT, UNIT);
            ids[p] = fresh_id();
            send_as(&ids[p], &op_crypto_audio_put, &body, p);
        }
        for (size_t p = 0; p < 3; p++) {
            const struct arrived *a = client_await(&f->backend, &ids[p], 15000);
            cr_assert(a && a->status == 200);
        }
        cr_assert_eq(ask(&op_crypto_audio_stat, &(struct crypto_object_request){ id }, &result), 200);
        cr_expect(result.complete && result.received == 4 * UNIT);
        cr_expect_eq(get(&id, 0, 4 * UNIT), 200);
    }
}

Test(crypto_store, a_redelivered_part_has_one_effect_and_one_answer)
{
    struct crypto_audio_put_request body = part_body(NULL, 100, 0, 100);
    struct uuid id = fresh_id();

    for (int32_t i = 0; i < 4; i++)
        send_as(&id, &op_crypto_audio_put, &body, i);
    cr_assert(fixture_wait(f, replies_came, &(struct replies){ &id, 4 }, 15000));
    for (size_t i = 1; i < 4; i++)
        cr_expect_eq(client_reply(&f->backend, &id, i)->hash, client_reply(&f->backend, &id, 0)->hash);
    cr_expect_eq(SQL("SELECT count(*) FROM objects"), 1);
    /* Whoever wrote a blob and came too late leaves it to the janitor. */
    sweep(0);
    cr_expect_eq(blob_count(), 1);
}

/* The look before the transaction finds that, and no blob is left for the janitor. */
Test(crypto_store, a_part_that_had_its_effect_is_not_written_again)
{
    struct crypto_audio_put_request body = part_body(NULL, 100, 0, 100);
    struct uuid id = fresh_id();

    for (int32_t i = 0; i < 2; i++) {
        send_as(&id, &op_crypto_audio_put, &body, i);
        cr_assert(client_await(&f->backend, &id, 15000));
        fixture_sleep(f, 1000);
    }
    cr_assert_eq(client_replies(&f->backend, &id), 2);
    cr_expect_eq(client_reply(&f->backend, &id, 1)->hash, client_reply(&f->backend, &id, 0)->hash);
    cr_expect_eq(blob_count(), 1);
}

/* Nor is it written for an object whose key does not open; the look keeps that to itself. */
Test(crypto_store, a_part_for_a_changed_key_is_refused_and_told_once)
{
    struct uuid id = put_first(2 * UNIT);
    struct crypto_audio_put_request body = part_body(&id, 2 * UNIT, UNIT, UNIT);

    (void)SQL("UPDATE objects SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)");
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 422);
    cr_expect_str_eq(last_code(), "decrypt_failed");
    cr_expect_eq(instances[0].vault.stats.tampered + instances[1].vault.stats.tampered, 1);
    cr_expect_eq(blob_count(), 1);
}

Test(crypto_store, a_crash_between_blob_and_row_leaves_nothing_to_read_and_the_janitor_nothing_at_all)
{
    struct crypto_audio_put_request body = part_body(NULL, UNIT, 0, UNIT);
    struct uuid kept = put_whole(UNIT);

    instances[0].moody.crash_after_put = instances[1].moody.crash_after_put = true;
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 503);
    cr_expect_eq(SQL("SELECT count(*) FROM objects"), 1);
    cr_expect_eq(blob_count(), 2);
    instances[0].moody.crash_after_put = instances[1].moody.crash_after_put = false;
    sweep(1);
    cr_expect_eq(blob_count(), 1);
    cr_expect_eq(instances[1].vault.stats.orphans, 1);
    cr_expect_eq(get(&kept, 0, UNIT), 200);
}

Test(crypto_store, the_janitor_spares_what_is_young)
{
    struct crypto_audio_put_request body = part_body(NULL, UNIT, 0, UNIT);

    janitor_free(instances[0].janitor);
    must(!janitor_new(&instances[0].vault, BLOB_GRACE_MS, 0, &instances[0].janitor));
    instances[0].moody.crash_after_put = instances[1].moody.crash_after_put = true;
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 503);
    sweep(0);
    cr_expect_eq(blob_count(), 1);
}

Test(crypto_store, janitors_and_uploads_at_once_lose_nothing)
{
    struct uuid ids[40];

    /* Neither has been at work in this test. */
    for (unsigned i = 0; i < 2; i++) {
        janitor_free(instances[i].janitor);
        must(!janitor_new(&instances[i].vault, 3000, i * 128, &instances[i].janitor));
    }
    for (size_t i = 0; i < 40; i++) {
        struct crypto_audio_put_request body = part_body(NULL, UNIT, 0, UNIT);
        ids[i] = fresh_id();
        send_as(&ids[i], &op_crypto_audio_put, &body, (int32_t)(i % FIXTURE_PARTITIONS));
        for (unsigned turn = 0; turn < 6; turn++) {
            for (unsigned tick = 0; tick < 2 * JANITOR_SWEEP_TICKS; tick++)
                janitor_tick(instances[tick % 2].janitor);
            fixture_sleep(f, 5);
        }
    }
    for (size_t i = 0; i < 40; i++) {
        const struct arrived *a = client_await(&f->backend, &ids[i], 15000);
        cr_assert(a && a->status == 200);
    }
    cr_expect_eq(SQL("SELECT count(*) FROM objects"), 40);
    cr_expect_eq(blob_count(), 40);
}

Test(crypto_store, expiry_is_exact_and_told_once)
{
    struct uuid id = put_whole(2 * UNIT);
    size_t one = 1, none = 0;

    (void)SQL("UPDATE objects SET created_at = created_at - interval '1 hour', expires_at = date_trunc('milliseconds', clock_timestamp())");
    cr_expect_eq(get(&id, 0, 10), 410);
    cr_expect_eq(stat_of(&id), 410);
    cr_expect_eq(SQL("SELECT count(*) FROM objects"), 1, "before any janitor has come");
    janitor_tick(instances[0].janitor);
    janitor_tick(instances[1].janitor);
    cr_assert(fixture_wait(f, events_came, &one, 10000));
    cr_expect(fixture_wait(f, blobs_are, &none, 5000));
    cr_expect_eq(SQL("SELECT count(*) FROM objects"), 0);
    cr_expect_eq(SQL("SELECT count(*) FROM parts"), 0);
    cr_expect_eq(get(&id, 0, 10), 410);
    struct crypto_audio_delete_result deleted = { .deleted = true };
    cr_expect_eq(ask(&op_crypto_audio_delete, &(struct crypto_object_request){ id }, &deleted), 200);
    cr_expect_not(deleted.deleted);
    fixture_sleep(f, 500);
    cr_expect_eq(f->events.count, 1);
    (void)SQL("UPDATE expired SET expired_at = expired_at - interval '31 days'");
    cr_expect_eq(get(&id, 0, 10), 404);
}

Test(crypto_store, an_upload_that_is_not_completed_is_dropped_without_a_trace)
{
    struct uuid id = put_first(2 * UNIT);
    struct crypto_audio_put_request body = part_body(&id, 2 * UNIT, UNIT, UNIT);
    size_t none = 0;

    (void)SQL("UPDATE objects SET created_at = created_at - interval '10 minutes'");
    cr_expect_eq(stat_of(&id), 404);
    cr_expect_eq(ask(&op_crypto_audio_put, &body, NULL), 404);
    janitor_tick(instances[0].janitor);
    cr_expect(fixture_wait(f, blobs_are, &none, 5000));
    cr_expect_eq(SQL("SELECT count(*) FROM objects"), 0);
    cr_expect_eq(SQL("SELECT count(*) FROM expired"), 0);
    cr_expect_eq(f->events.count, 0);
}

Test(crypto_store, a_changed_byte_of_a_blob_is_found_and_named)
{
    static const off_t PLACES[] = { 0, 23, 24, 55, 56, 5000, 56 + 16384 + 15, 56 + 2 * 16400, 56 + 2 * 16400 + 15 };
    struct uuid id = put_whole(2 * UNIT);
    char path[256];
    size_t events = 0;

    cr_assert_eq(blobs_there(path), 1);
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
        flip(path, PLACES[i]);
        cr_expect_eq(get(&id, 0, 2 * UNIT), 422, "byte %ld", (long)PLACES[i]);
        cr_expect_str_eq(last_code(), "decrypt_failed");
        flip(path, PLACES[i]);
        events++;
    }
    cr_expect_eq(get(&id, 0, 2 * UNIT), 200);
    cr_expect_eq(instances[0].vault.stats.tampered + instances[1].vault.stats.tampered, events);
    cr_expect(fixture_wait(f, events_came, &events, 10000), "%zu of %zu events", f->events.count, events);
    must(truncate(path, 56 + 16400) == 0);
    cr_expect_eq(get(&id, 0, 2 * UNIT), 422);
    cr_expect_eq(get(&id, 0, 10), 200, "the first chunk is whole");
    must(unlink(path) == 0);
    cr_expect_eq(get(&id, 0, 10), 422);
}

Test(crypto_store, a_changed_row_is_found_and_named)
{
    struct uuid id = put_whole(UNIT);

#define SPOILT(change, back, status_)                                                                      \
    do {                                                                                                   \
        (void)SQL(change);                                                                                 \
        cr_expect_eq(get(&id, 0, 10), status_, change);                                                    \
        (void)SQL(back);                                                                                   \
        cr_expect_eq(get(&id, 0, 10), 200, back);                                                          \
    } while (0)
#define XOR(table, column) "UPDATE " table " SET " column " = set_byte(" column ", 20, get_byte(" column ", 20) # 1)"
    SPOILT(XOR("objects", "wrapped"), XOR("objects", "wrapped"), 422);
    SPOILT(XOR("parts", "header"), XOR("parts", "header"), 422);
    SPOILT("UPDATE objects SET owner = 'u-2'", "UPDATE objects SET owner = 'u-1'", 422);
    SPOILT("UPDATE objects SET media_type = 'audio/wav'", "UPDATE objects SET media_type = 'audio/ogg'", 422);
    SPOILT("UPDATE objects SET created_at = created_at + interval '1 ms'", "UPDATE objects SET created_at = created_at - interval '1 ms'", 422);
    SPOILT("UPDATE objects SET version = 2", "UPDATE objects SET version = 1", 422);
    (void)SQL(XOR("objects", "sha256"));
    cr_expect_eq(stat_of(&id), 422);
    (void)SQL("DELETE FROM parts");
    cr_expect_eq(get(&id, 0, 10), 422);
}

static bool not_ready_for(unsigned instance, const char *why)
{
    struct buffer reasons;

    buffer_init(&reasons, 4096);
    rings_ready(instances[instance].vault.rings, &reasons);
    bool named = reasons.len > 0 && memmem(reasons.data, reasons.len, why, strlen(why));
    buffer_free(&reasons);
    return named;
}

Test(crypto_store, a_ring_key_that_was_changed_is_named_and_of_no_use)
{
    struct uuid id = put_whole(UNIT);

    (void)SQL("UPDATE ring_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE ring = 'audio'");
    keys_have_changed();
    cr_expect_eq(get(&id, 0, 10), 503);
    cr_expect(not_ready_for(0, "audio/1"));
}

Test(crypto_store, a_ring_that_lost_its_keys_is_named_and_given_no_others)
{
    struct uuid id = put_whole(UNIT);

    (void)SQL("DELETE FROM ring_uses");
    (void)SQL("DELETE FROM ring_keys");
    keys_have_changed();
    rings_start(instances[1].vault.rings);
    fixture_sleep(f, 1200);
    for (unsigned i = 0; i < 2; i++)
        cr_expect(not_ready_for(i, "content has no active version"), "%u", i);
    cr_expect_eq(SQL("SELECT count(*) FROM ring_keys"), 0);
    cr_expect_eq(get(&id, 0, 10), 422, "as long as its key is away; nothing is written over it");
}

Test(crypto_store, a_changed_owner_key_opens_nothing)
{
    struct crypto_plain_item plain = { .plaintext = { (const uint8_t *)"tajne", 5 } };
    struct crypto_encrypt_result sealed;
    struct crypto_decrypt_result opened;

    cr_assert_eq(ask(&op_crypto_encrypt, &(struct crypto_encrypt_request){ .items = { &plain, 1 }, .owner = TEXT("u-1") }, &sealed), 200);
    uint8_t copy[256];
    size_t len = sealed.items.items[0].ciphertext.len;
    memcpy(copy, sealed.items.items[0].ciphertext.data, len);
    struct crypto_sealed_item item = { .ciphertext = { copy, len } };
    struct crypto_sealed_request body = { .items = { &item, 1 } };
    cr_assert_eq(ask(&op_crypto_decrypt, &body, &opened), 200);
    cr_expect_not(opened.items.items[0].has_error);
    (void)SQL("UPDATE owner_keys SET owner = 'u-2'");
    cr_assert_eq(ask(&op_crypto_decrypt, &body, &opened), 200);
    cr_expect(opened.items.items[0].has_error && opened.items.items[0].error.code == CRYPTO_ITEM_DECRYPT_FAILED);
    (void)SQL("DELETE FROM owner_keys");
    cr_assert_eq(ask(&op_crypto_decrypt, &body, &opened), 200);
    cr_expect(opened.items.items[0].has_error);
    cr_expect_gt(SQL("SELECT uses FROM ring_uses WHERE ring = 'content'"), 0, "counted before it was answered");
}

/* ---- data keys ----------------------------------------------------------------------------------------------------- */

static struct text_pair pairs[] = { { { "service", 7 }, { "backend", 7 } }, { { "service", 7 }, { "another", 7 } } };

/* What is kept of a data key: wrapped as it came, and the key. */
struct kept {
    uint8_t wrapped[WRAPPED_KEY_LEN];
    uint8_t key[WRAP_KEY_LEN];
};

static struct crypto_wrapped_request wrapped_body(const struct kept *k, unsigned pair)
{
    return (struct crypto_wrapped_request){ { k->wrapped, sizeof(k->wrapped) }, { &pairs[pair], 1 } };
}

static struct kept made_data_key(void)
{
    struct crypto_datakey_create_result made;
    struct kept k;

    cr_assert_eq(ask(&op_crypto_datakey_create, &(struct crypto_datakey_create_request){ { &pairs[0], 1 } }, &made), 200);
    cr_assert(made.wrapped.len == sizeof(k.wrapped) && made.key.len == sizeof(k.key));
    memcpy(k.wrapped, made.wrapped.data, sizeof(k.wrapped));
    memcpy(k.key, made.key.data, sizeof(k.key));
    return k;
}

static uint64_t rewrapped(const struct kept *k, struct kept *out)
{
    struct crypto_wrapped_request body = wrapped_body(k, 0);
    struct crypto_datakey_rewrap_result result;
    uint64_t status = ask(&op_crypto_datakey_rewrap, &body, &result);

    *out = *k;
    if (status == 200) {
        cr_assert_eq(result.wrapped.len, sizeof(out->wrapped));
        memcpy(out->wrapped, result.wrapped.data, sizeof(out->wrapped));
    }
    return status;
}

/* With the service's own context: the status, and whether it is the key that it was. */
static uint64_t opened(const struct kept *k, unsigned pair)
{
    struct crypto_wrapped_request body = wrapped_body(k, pair);
    struct crypto_datakey_open_result result;
    uint64_t status = ask(&op_crypto_datakey_open, &body, &result);

    if (status == 200)
        cr_expect(result.key.len == sizeof(k->key) && memcmp(result.key.data, k->key, sizeof(k->key)) == 0);
    return status;
}

/* What crypto.key.rotate will do: another version of the content ring, the old ones open still. */
static void rotate(uint32_t version)
{
    static const struct pg_statement REST = { "test_rest", "UPDATE ring_keys SET state = 'decrypt_only' WHERE ring = 'content' AND state = 'active'", "" };
    static const struct pg_statement MAKE = { "test_make",
        "INSERT INTO ring_keys (ring, version, state, root_version, wrapped) VALUES ('content', $1, 'active', 1, $2)", "ib" };
    static const uint8_t KEY[RING_KEY_LEN] = { 9 };
    uint8_t nonce[GCM_NONCE_LEN] = { 1 }, wrapped[WRAP_LEN];
    struct asked a = { false, 0 };
    struct secret *key;
    struct pg_batch *b;

    must(!secret_from(KEY, sizeof(KEY), &key));
    must(!ring_key_make(roots, RING_CONTENT, (struct text){ NULL, 0 }, version, key, nonce, wrapped));
    secret_free(key);
    must(!pg_batch_new(1024, &b) && !pg_batch_add(b, &REST, NULL, 0));
    must(!pg_add(b, &MAKE, PG_INT(version), PG_BYTES(((struct bytes){ wrapped, sizeof(wrapped) }))));
    must(!pg_submit(durable_pg(instances[0].vault.durable), b, 5000, on_answer, &a));
    must(fixture_wait(f, answered, &a, 6000));
    keys_have_changed();
}

static bool both_wraps_are_written(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    return SQL("SELECT wraps FROM ring_uses WHERE ring = 'content' AND version = 2") == 2;
}

Test(crypto_store, a_data_key_moves_to_the_newest_version_and_stays_the_same)
{
    struct kept old = made_data_key(), same, anew, again;

    cr_expect_eq(rewrapped(&old, &same), 200);
    cr_expect_arr_eq(same.wrapped, old.wrapped, sizeof(old.wrapped), "what is newest comes back as it is");
    rotate(2);
    cr_expect_eq(opened(&old, 0), 200);
    cr_expect_eq(rewrapped(&old, &anew), 200);
    cr_expect_eq(bytes_get_u32(anew.wrapped + 4), 2);
    cr_expect_arr_eq(anew.wrapped + 8, old.wrapped + 8, 16, "the same id");
    cr_expect_arr_neq(anew.wrapped + 24, old.wrapped + 24, GCM_NONCE_LEN);
    cr_expect_eq(opened(&anew, 0), 200);
    cr_expect_eq(opened(&anew, 1), 422, "its context goes along");
    cr_expect_eq(SQL("SELECT count(*) FROM data_keys"), 1);
    cr_expect_eq(SQL("SELECT version FROM data_keys"), 2, "`objects` of version 1 is 0 now");
    /* A crash kept the asker from keeping it: it asks with the old one again. */
    cr_expect_eq(rewrapped(&old, &again), 200);
    cr_expect_eq(opened(&again, 0), 200);
    for (unsigned i = 0; i < 2; i++)
        rings_drain(instances[i].vault.rings);
    cr_expect(fixture_wait(f, both_wraps_are_written, NULL, 10000), "each wrap counts");
    (void)SQL("UPDATE ring_keys SET state = 'destroyed', wrapped = NULL, root_version = NULL, destroyed_at = now()"
              " WHERE ring = 'content' AND version = 1");
    keys_have_changed();
    cr_expect_eq(rewrapped(&old, &again), 410);
    cr_expect_str_eq(last_code(), "key_destroyed");
    cr_expect_eq(opened(&anew, 0), 200);
}

Test(crypto_store, a_data_key_is_rewrapped_once_however_often_it_is_asked)
{
    struct kept old = made_data_key();
    struct crypto_wrapped_request body = wrapped_body(&old, 0);
    struct uuid id = fresh_id();

    rotate(2);
    for (int32_t i = 0; i < 4; i++)
        send_as(&id, &op_crypto_datakey_rewrap, &body, i);
    cr_assert(fixture_wait(f, replies_came, &(struct replies){ &id, 4 }, 15000));
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(client_reply(&f->backend, &id, i)->status, 200);
        cr_expect_eq(client_reply(&f->backend, &id, i)->hash, client_reply(&f->backend, &id, 0)->hash);
    }
}

Test(crypto_store, nothing_else_is_rewrapped)
{
    struct kept good = made_data_key(), bad = good, out;
    struct crypto_wrapped_request body = wrapped_body(&good, 1);

    rotate(2);
    cr_expect_eq(ask(&op_crypto_datakey_rewrap, &body, NULL), 422, "another context");
    body = wrapped_body(&good, 0);
    body.wrapped.len--;
    cr_expect_eq(ask(&op_crypto_datakey_rewrap, &body, NULL), 422, "cut");
    /* A byte of each of its parts: magic, version (one that is there, one that is not), id, nonce, key, tag. */
    static const struct {
        size_t at;
        uint8_t bit;
    } BENT[] = { { 0, 1 }, { 7, 3 }, { 4, 1 }, { 8, 1 }, { 24, 1 }, { 36, 1 }, { WRAPPED_KEY_LEN - 1, 1 } };
    for (size_t i = 0; i < sizeof(BENT) / sizeof(BENT[0]); i++) {
        bad = good;
        bad.wrapped[BENT[i].at] ^= BENT[i].bit;
        cr_expect_eq(rewrapped(&bad, &out), 422, "byte %zu", BENT[i].at);
    }
    cr_expect_eq(SQL("SELECT version FROM data_keys"), 1);
    (void)SQL("DELETE FROM data_keys");
    cr_expect_eq(rewrapped(&good, &out), 200, "a database restored from before the key was made");
    cr_expect_eq(SQL("SELECT version FROM data_keys"), 2);
}

Test(crypto_store, a_rewrap_waits_for_what_a_rotation_leaves_in_memory)
{
    struct kept old = made_data_key(), out;

    /* Rotated, and the epoch of it not read yet: version 1 is no longer the one to wrap under. */
    (void)SQL("UPDATE ring_keys SET state = 'decrypt_only' WHERE ring = 'content'");
    cr_expect_eq(rewrapped(&old, &out), 503);
    cr_expect_eq(SQL("SELECT count(*) FROM data_keys WHERE version = 1"), 1);
}

Test(crypto_store, who_has_slept_uses_no_key_until_the_epoch_is_confirmed)
{
    struct uuid id = put_whole(UNIT);

    instances[0].asleep = instances[1].asleep = true;
    fixture_sleep(f, RINGS_TRUST_MS + 100);
    struct crypto_plain_item plain = { .plaintext = { (const uint8_t *)"x", 1 } };
    cr_expect_eq(get(&id, 0, 10), 503);
    cr_expect_eq(stat_of(&id), 503);
    cr_expect_eq(ask(&op_crypto_encrypt, &(struct crypto_encrypt_request){ .items = { &plain, 1 } }, NULL), 503);
    cr_expect_eq(ask(&op_crypto_datakey_create, &(struct crypto_datakey_create_request){ .context = { NULL, 0 } }, NULL), 503);
    instances[0].asleep = instances[1].asleep = false;
    cr_assert(fixture_wait(f, keys_are_trusted, NULL, 10000));
    cr_expect_eq(get(&id, 0, 10), 200);
}

Test(crypto_store, work_goes_on_through_changes_of_the_epoch)
{
    struct uuid object = put_whole(4 * UNIT), ids[60];
    struct crypto_plain_item plain = { .plaintext = { sound, 5 * UNIT } };      /* enough for the thread pool */

    for (size_t i = 0; i < 60; i++) {
        ids[i] = fresh_id();
        if (i % 2)
            send_as(&ids[i], &op_crypto_audio_get, &(struct crypto_audio_get_request){ object, 0, 4 * UNIT }, (int32_t)(i % 4));
        else
            send_as(&ids[i], &op_crypto_encrypt, &(struct crypto_encrypt_request){ .items = { &plain, 1 }, .owner = TEXT("u-1") },
                    (int32_t)(i % 4));
        if (i % 10 == 0)
            (void)SQL("UPDATE key_epoch SET epoch = epoch + 1");
    }
    for (size_t i = 0; i < 60; i++) {
        const struct arrived *a = client_await(&f->backend, &ids[i], 15000);
        cr_assert(a && a->status == 200, "%zu: %d %s", i, a ? (int)a->status : -1, a ? a->code : "");
    }
    cr_expect_eq(SQL("SELECT count(*) FROM owner_keys"), 1);
}

static bool is_refused(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return ((struct instance *)cookie)->refused;
}

static bool has_lost_store(struct fixture *fixture, void *cookie)
{
    struct instance *in = cookie;

    (void)fixture;
    janitor_tick(in->janitor);
    return janitor_lost_store(in->janitor);
}

Test(crypto_store, another_databases_blob_store_is_refused)
{
    char path[160];
    struct instance *in = &instances[0];
    struct claim *claim;

    snprintf(path, sizeof(path), "%s/store-id", blob_path);
    flip(path, 0);
    in->refused = false;
    must(!claim_new(&(struct claim_options){ &in->vault, on_claimed, on_refused, in }, &claim));
    claim_start(claim);
    cr_expect(fixture_wait(f, is_refused, in, 10000) && !claim_stands(claim));
    claim_free(claim);
    cr_expect(fixture_wait(f, has_lost_store, in, 10000));
    in->refused = false;
    must(unlink(path) == 0);
    must(!claim_new(&(struct claim_options){ &in->vault, on_claimed, on_refused, in }, &claim));
    claim_start(claim);
    cr_expect(fixture_wait(f, is_refused, in, 10000), "a store without its id is not made ours anew");
    claim_free(claim);
}

Test(crypto_store, without_postgres_it_is_unavailable_and_goes_on_afterwards)
{
    struct uuid id = put_whole(UNIT);

    db_server_pause(server);
    fixture_sleep(f, 300);
    cr_expect_eq(get(&id, 0, 10), 503);
    db_server_resume(server);
    cr_assert(fixture_wait(f, keys_are_trusted, NULL, 30000));
    cr_expect_eq(get(&id, 0, 10), 200);
}
