/*
 * What sealing costs: seal and open of a body of N bytes as a request is sealed and opened, the header with it,
 * beside the bare AEAD of libsodium over the same bytes. Processor time, which neighbours do not lengthen. Prints one
 * JSON line: {"ours_ns":…,"bare_ns":…}.
 *
 *     seal PRINCIPALS KEYS [BYTES [ROUNDS]]        (a running stack's principals file and key directory)
 */
#include "entropy.h"
#include "seal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void die(const char *what, enum result r)
{
    fprintf(stderr, "seal: %s: %s\n", what, result_text(r));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct keyring *ring(const char *dir, const char *name)
{
    char path[512];
    struct keyring *k;
    struct buffer why;
    buffer_init(&why, 4096);
    snprintf(path, sizeof(path), "%s/%s.key", dir, name);
    enum result r = keyring_load(path, NULL, &k, &why);
    if (r)
        die(path, r);
    return k;
}

static uint64_t ours(const struct principals *who, const char *keys, struct bytes body, unsigned rounds)
{
    struct keyring *client = ring(keys, "backend"), *server = ring(keys, "ratelimit");
    const struct principal *from = principals_find(who, TEXT("backend")), *to = principals_find(who, TEXT("ratelimit"));
    struct buffer value, opened;
    if (!from || !to)
        die("backend and ratelimit in the principals file", RESULT_NOT_FOUND);
    buffer_init(&value, ENVELOPE_VALUE_MAX);
    buffer_init(&opened, ENVELOPE_VALUE_MAX);
    uint64_t begun = now_ns();
    for (unsigned i = 0; i < rounds; i++) {
        struct envelope_header h = { .op = TEXT("ratelimit.check"), .src = from->name, .dst = to->name, .ts = 1, .ttl = 5000,
                                     .reply_topic = TEXT("hlidka.replies.backend"), .reply_partition = 3 };
        struct envelope e;
        enum result r;
        entropy_fill(h.nonce, sizeof(h.nonce));
        buffer_reset(&value);
        buffer_reset(&opened);
        if ((r = seal_message(client, ENVELOPE_REQUEST, &to->keys[0], &h, body, false, &value)))
            die("seal", r);
        if ((r = envelope_frame(buffer_bytes(&value), &e)) || (r = envelope_parse(&e, ENVELOPE_REQUEST)) ||
            (r = open_box(server, SEAL_RESPONDER, &from->keys[0], &e, &opened)))
            die("open", r);
    }
    uint64_t took = now_ns() - begun;
    buffer_free(&value);
    buffer_free(&opened);
    keyring_free(client);
    keyring_free(server);
    return took / rounds;
}

static uint64_t bare(struct bytes body, unsigned rounds)
{
    uint8_t key[32] = { 1 }, nonce[24], header[256] = { 2 };
    uint8_t *box = malloc(body.len + 16), *back = malloc(body.len + 1);
    if (!box || !back)
        die("malloc", RESULT_NO_MEMORY);
    uint64_t begun = now_ns();
    for (unsigned i = 0; i < rounds; i++) {
        randombytes_buf(nonce, sizeof(nonce));
        crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, body.data, body.len, header, sizeof(header), NULL, nonce, key);
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(back, NULL, NULL, box, body.len + 16, header, sizeof(header), nonce, key))
            die("bare", RESULT_NOT_AUTHENTIC);
    }
    uint64_t took = now_ns() - begun;
    free(box);
    free(back);
    return took / rounds;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: seal PRINCIPALS KEYS [BYTES [ROUNDS]]\n");
        return 2;
    }
    size_t len = argc > 3 ? strtoul(argv[3], NULL, 10) : 512;
    unsigned rounds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 200000;
    struct principals *who = NULL;
    struct buffer why;
    buffer_init(&why, 4096);
    enum result r = entropy_start();
    if (r || (r = principals_load(argv[1], &who, &why)))
        die(argv[1], r);
    uint8_t *data = calloc(1, len ? len : 1);
    if (!data || rounds == 0)
        die("calloc", RESULT_NO_MEMORY);
    struct bytes body = { data, len };
    ours(who, argv[2], body, rounds / 10 + 1);
    printf("{\"ours_ns\":%llu,\"bare_ns\":%llu}\n", (unsigned long long)ours(who, argv[2], body, rounds), (unsigned long long)bare(body, rounds));
    free(data);
    buffer_free(&why);
    principals_drop(who);
    return 0;
}
