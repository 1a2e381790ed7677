/*
 * The raw limit of a decision's store: the function `ratelimit_check` for the three policies of tests/bench, each call
 * of another user, driven as `redis-benchmark -c 1 -P IN_FLIGHT` drives a command: one connection, so many commands
 * written at once, all their answers read, the next. redis-benchmark itself cannot do it: the arguments are bytes, NUL
 * among them, and its command line holds none. They are made by the service's own encoder, before the clock starts.
 *
 *     fcall REDIS_URL IN_FLIGHT COUNT POLICIES
 *
 * Prints one JSON line: {"per_s":…}.
 */
#include "account.h"
#include "entropy.h"
#include "library.h"
#include "match.h"
#include "policies_file.h"
#include "redis_encode.h"
#include "store_call.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char *what, const char *why)
{
    fprintf(stderr, "fcall: %s: %s\n", what, why);
    exit(1);
}

static void demand(enum result r, const char *what)
{
    if (r)
        die(what, result_text(r));
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static redisContext *connect_to(const char *url)
{
    char host[64];
    int port;

    if (sscanf(url, "redis://%63[^:]:%d", host, &port) != 2)
        die(url, "not redis://HOST:PORT/…");
    redisContext *c = redisConnect(host, port);
    if (!c || c->err)
        die(url, c ? c->errstr : "out of memory");
    return c;
}

static void load_library(redisContext *c)
{
    struct text library = library_text();
    redisReply *reply = redisCommand(c, "FUNCTION LOAD REPLACE %b", library.data, library.len);

    if (!reply || reply->type == REDIS_REPLY_ERROR)
        die("FUNCTION LOAD", reply ? reply->str : c->errstr);
    freeReplyObject(reply);
}

/* The accounts are the same in every run, as the users are; 32 bytes of zero serve as the key. */
static struct keys *make_keys(void)
{
    struct secret *file;
    struct keys *keys;

    demand(secret_from("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 44, &file), "secret");
    demand(keys_new(file, &keys), "keys");
    secret_free(file);
    return keys;
}

/* The check of the n-th user as handle_check.c puts it to the store, as a command. */
static void add_check(const struct policies *policies, const struct match *match, const struct keys *keys, unsigned n,
                      struct buffer *terms, struct buffer *out)
{
    char user[16];
    struct subject who = { .user = { user, (size_t)snprintf(user, sizeof(user), "u-%u", n) }, .endpoint = TEXT("bench.three") };
    struct store_check check = { .count = match->count };
    struct store_call call;
    struct term rows[MATCH_MAX];

    demand(ip_parse(TEXT("192.0.2.7"), &who.ip), "ip");
    for (size_t i = 0; i < match->count; i++) {
        const struct policy *p = &policies->items[match->items[i]];
        rows[i] = (struct term){ .policy = text_of(p->name), .scope = p->scope, .algorithm = p->algorithm, .shadow = p->shadow,
                                 .limit = p->limit, .burst = p->burst, .window_us = p->window_us, .cost = 1 };
        account_id(keys, p, &who, rows[i].account);
        check.claims[i] = term_claim(&rows[i], p->widest);
    }
    buffer_reset(terms);
    demand(terms_encode(rows, check.count, terms), "terms");
    check.terms = buffer_bytes(terms);
    entropy_fill(check.record, sizeof(check.record));
    entropy_fill(check.fingerprint, sizeof(check.fingerprint));
    store_call_put(&call, "ratelimit_check", &check);
    demand(redis_encode(out, call.argc, call.argv, call.lens), "command");
}

/* All commands one after the other, the end of each in ends. */
static void make_commands(const char *path, unsigned count, struct buffer *commands, size_t *ends)
{
    struct policies *policies;
    struct buffer why, terms;
    struct match match;

    buffer_init(&why, 4096);
    buffer_init(&terms, TERMS_MAX);
    if (policies_load(path, &policies, &why))
        die(path, why.data ? (const char *)why.data : "cannot be read");
    match_find(policies, TEXT("bench.three"), TEXT("free"), &match);
    if (match.count != 3)
        die(path, "not three policies for bench.three");
    struct keys *keys = make_keys();
    for (unsigned n = 0; n < count; n++) {
        add_check(policies, &match, keys, n, &terms, commands);
        ends[n] = commands->len;
    }
    keys_free(keys);
    policies_release(policies);
    buffer_free(&terms);
    buffer_free(&why);
}

static void take_answer(redisContext *c)
{
    redisReply *reply;

    if (redisGetReply(c, (void **)&reply) != REDIS_OK)
        die("read", c->errstr);
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->str[0] != 'F')
        die("answer", reply->type == REDIS_REPLY_ERROR ? reply->str : "not a first ruling");
    freeReplyObject(reply);
}

static uint64_t drive(redisContext *c, const struct buffer *commands, const size_t *ends, unsigned count, unsigned in_flight)
{
    uint64_t begun = now_ns();
    size_t at = 0;

    for (unsigned n = 0; n < count;) {
        unsigned batch = count - n < in_flight ? count - n : in_flight;
        size_t end = ends[n + batch - 1];
        if (redisAppendFormattedCommand(c, (const char *)commands->data + at, end - at) != REDIS_OK)
            die("write", c->errstr);
        for (unsigned i = 0; i < batch; i++)
            take_answer(c);
        at = end;
        n += batch;
    }
    return now_ns() - begun;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("usage", "fcall REDIS_URL IN_FLIGHT COUNT POLICIES");
    unsigned in_flight = (unsigned)strtoul(argv[2], NULL, 10), count = (unsigned)strtoul(argv[3], NULL, 10);
    if (in_flight == 0 || count == 0 || count > 10000000)
        die("usage", "IN_FLIGHT at least 1, COUNT from 1 to 10000000");
    struct buffer commands;
    size_t *ends = calloc(count, sizeof(*ends));
    if (!ends)
        die("calloc", "out of memory");
    demand(entropy_start(), "entropy");
    buffer_init(&commands, (size_t)count * 2048);
    make_commands(argv[4], count, &commands, ends);
    redisContext *c = connect_to(argv[1]);
    load_library(c);
    uint64_t ns = drive(c, &commands, ends, count, in_flight);
    printf("{\"per_s\":%.0f}\n", count * 1e9 / (double)ns);
    redisFree(c);
    buffer_free(&commands);
    free(ends);
    return 0;
}
