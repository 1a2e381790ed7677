/*
 * Recordings of 1 MiB, put in parts and read back in parts, so many at once, each by a thread that waits for every
 * answer. Prints one JSON line: {"per_s":…}, recordings put and read.
 *
 *     recordings BROKERS PRINCIPALS KEYS IN_FLIGHT COUNT
 */
#include "backend.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define SIZE (1024u * 1024u)
#define PART (512u * 1024u)
#define DEADLINE_MS 30000u

static struct hlidka_sync *client;
static uint8_t sound[SIZE];
static atomic_int left;

static struct hlidka_answer *ask(const char *op, struct hlidka_body *body)
{
    const struct hlidka_request q = { .op = op, .body = hlidka_body_bytes(body), .deadline_ms = DEADLINE_MS };
    struct hlidka_answer *answer = NULL;
    enum hlidka_status s = hlidka_sync_call(client, &q, &answer);

    if (s)
        backend_die(op, s == HLIDKA_REFUSED ? hlidka_answer_reply(answer)->code : hlidka_status_text(s));
    hlidka_body_free(body);
    return answer;
}

/* One part; the object's id is written by the first. */
static void put(char id[64], size_t offset)
{
    struct hlidka_body *body = hlidka_body_new();

    if (offset > 0)
        hlidka_put_text(body, "object_id", id);
    hlidka_put_text(body, "media_type", "audio/wav");
    hlidka_put_uint(body, "size", SIZE);
    hlidka_put_uint(body, "offset", offset);
    hlidka_put_bin(body, "data", sound + offset, PART);
    struct hlidka_answer *answer = ask("crypto.audio.put", body);
    struct hlidka_bytes result = hlidka_answer_reply(answer)->result;
    struct hlidka_value given = hlidka_get(result, "object_id");
    if (offset + PART == SIZE && !hlidka_get(result, "complete").boolean)
        backend_die("crypto.audio.put", "all parts, and not complete");
    snprintf(id, 64, "%.*s", (int)given.len, given.text);
    hlidka_answer_free(answer);
}

static void get(const char *id, size_t offset)
{
    struct hlidka_body *body = hlidka_body_new();

    hlidka_put_text(body, "object_id", id);
    hlidka_put_uint(body, "offset", offset);
    hlidka_put_uint(body, "length", PART);
    struct hlidka_answer *answer = ask("crypto.audio.get", body);
    struct hlidka_value data = hlidka_get(hlidka_answer_reply(answer)->result, "data");
    if (data.bytes.len != PART || memcmp(data.bytes.data, sound + offset, PART) != 0)
        backend_die("crypto.audio.get", "not what was put");
    hlidka_answer_free(answer);
}

static void *work(void *arg)
{
    char id[64];

    (void)arg;
    while (atomic_fetch_sub(&left, 1) > 0) {
        for (size_t offset = 0; offset < SIZE; offset += PART)
            put(id, offset);
        for (size_t offset = 0; offset < SIZE; offset += PART)
            get(id, offset);
    }
    return NULL;
}

static double drive(unsigned in_flight, unsigned count)
{
    pthread_t threads[64];
    struct timespec from, to;

    atomic_store(&left, (int)count);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned i = 0; i < in_flight; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            backend_die("pthread_create", "failed");
    for (unsigned i = 0; i < in_flight; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        backend_die("usage", "recordings BROKERS PRINCIPALS KEYS IN_FLIGHT COUNT");
    unsigned in_flight = (unsigned)strtoul(argv[4], NULL, 10), count = (unsigned)strtoul(argv[5], NULL, 10);
    if (in_flight < 1 || in_flight > 64 || count < 1 || count > 1000000)
        backend_die("usage", "IN_FLIGHT 1 to 64, COUNT 1 to 1000000");
    memcpy(sound, "RIFF\0\0\0\0WAVE", 12);
    for (size_t i = 12; i < SIZE; i++)
        sound[i] = (uint8_t)(i * 2654435761u >> 13);
    client = backend_open(argv[1], argv[2], argv[3]);
    drive(in_flight, in_flight);                        /* warm */
    printf("{\"per_s\":%.2f}\n", count / drive(in_flight, count));
    hlidka_sync_close(client);
    return 0;
}
