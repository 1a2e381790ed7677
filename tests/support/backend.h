/* An app backend's client of a running stack, for programs that measure: it works, or the program ends. */
#ifndef HLIDKA_BACKEND_H
#define HLIDKA_BACKEND_H

#include "hlidka_sync.h"

#include <stdio.h>
#include <stdlib.h>

static inline void backend_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* key: room for the path of backend.key, which lies in the directory `keys`. */
static inline struct hlidka_options backend_options(const char *brokers, const char *principals, const char *keys, char key[512])
{
    snprintf(key, 512, "%s/backend.key", keys);
    return (struct hlidka_options){ .brokers = brokers, .principal = "backend", .principals_path = principals, .key_path = key };
}

/* On a loop of the program's; ready(cookie) once answers can come. */
static inline struct hlidka *backend_open_on(struct uv_loop_s *loop, const char *brokers, const char *principals, const char *keys,
                                             void (*ready)(void *cookie), void *cookie)
{
    char key[512], why[HLIDKA_WHY_LEN];
    struct hlidka_options options = backend_options(brokers, principals, keys, key);
    struct hlidka *client;

    options.ready = ready;
    options.cookie = cookie;
    if (hlidka_open(loop, &options, &client, why))
        backend_die(brokers, why);
    return client;
}

/* For calls that wait. */
static inline struct hlidka_sync *backend_open(const char *brokers, const char *principals, const char *keys)
{
    char key[512], why[HLIDKA_WHY_LEN];
    const struct hlidka_options options = backend_options(brokers, principals, keys, key);
    struct hlidka_sync *client;

    if (hlidka_sync_open(&options, 20000, &client, why))
        backend_die(brokers, why);
    return client;
}

#endif
