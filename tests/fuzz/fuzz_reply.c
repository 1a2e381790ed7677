/*
 * What comes on a client's reply partition: the frame and header as a stranger may write them, and, sealed by the
 * service itself, any body: a service that has gone mad must not take its clients along.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accept.h"
#include "alert_open.h"
#include "entropy.h"
#include "hlidka.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keyring *backend, *service;
static struct principals *principals;
static const struct asked ASKED = { .op = TEXT("ratelimit.check"), .dst = TEXT("ratelimit") };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A key file that exists only until it has been read; its public half to `text`. */
static struct keyring *make_ring(char text[48])
{
    char path[] = "/tmp/hlidka-fuzz-XXXXXX", line[48];
    struct keyring *ring = NULL;
    struct buffer why;
    uint8_t secret[32];
    int fd = mkstemp(path);

    entropy_fill(secret, sizeof(secret));
    sodium_bin2base64(line, sizeof(line), secret, sizeof(secret), sodium_base64_VARIANT_ORIGINAL);
    must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, line, 44) == 44);
    buffer_init(&why, 512);
    must(keyring_load(path, NULL, &ring, &why) == RESULT_OK);
    buffer_free(&why);
    close(fd);
    unlink(path);
    sodium_bin2base64(text, 48, keyring_own(ring)->public_key, 32, sodium_base64_VARIANT_ORIGINAL);
    return ring;
}

static void start(void)
{
    char ours[48], theirs[48], yaml[512];
    struct buffer why;

    must(entropy_start() == RESULT_OK);
    backend = make_ring(ours);
    service = make_ring(theirs);
    int len = snprintf(yaml, sizeof(yaml),
                       "principals:\n  backend: { keys: [\"%s\"], may: [\"*\"] }\n  ratelimit: { keys: [\"%s\"], may: [\"*\"] }\n",
                       ours, theirs);
    buffer_init(&why, 512);
    must(principals_parse((struct bytes){ (uint8_t *)yaml, (size_t)len }, "fuzz", &principals, &why) == RESULT_OK);
    buffer_free(&why);
}

static const struct asked *find(void *cookie, const struct uuid *id)
{
    (void)cookie;
    (void)id;
    return &ASKED;
}

static enum acceptance take(struct bytes value)
{
    const struct acceptor acceptor = {
        .self = TEXT("backend"), .principals = principals, .keyring = backend, .find = find,
    };
    struct accepted got;
    struct arena arena;
    struct buffer body;

    arena_init(&arena, NULL, 0, 1 << 20);
    buffer_init(&body, ENVELOPE_VALUE_MAX);
    enum acceptance a = accept_reply(&acceptor, value, &body, &arena, &got);
    if (a == ACCEPTED) {
        struct hlidka_cursor at = hlidka_walk((struct hlidka_bytes){ got.reply.result.data, got.reply.result.len });
        struct hlidka_value key, v;
        while (hlidka_next(&at, &key, &v))
            ;
        must((got.reply.status == 200) == (got.reply.result.data != NULL));
    }
    buffer_free(&body);
    arena_reset(&arena);
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = { data, size }, body;
    struct envelope_header h = { .op = ASKED.op, .src = ASKED.dst, .dst = TEXT("backend"), .ts = 1 };
    struct buffer value;

    if (!principals)
        start();
    must(take(input) != ACCEPTED);              /* nobody's key made it */
    must(alert_open(principals_find(principals, TEXT("ratelimit")), input, &body) != RESULT_OK);
    buffer_init(&value, ENVELOPE_VALUE_MAX);
    if (seal_message(service, ENVELOPE_REPLY, keyring_own(backend), &h, input, false, &value) == RESULT_OK) {
        enum acceptance a = take(buffer_bytes(&value));
        must(a == ACCEPTED || a == IGNORED_MALFORMED);
    }
    buffer_free(&value);
    return 0;
}
