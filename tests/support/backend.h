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

/* keys: the directory that has backend.key. */
static inline struct hlidka_sync *backend_open(const char *brokers, const char *principals, const char *keys)
{
    char key[512], why[HLIDKA_WHY_LEN];
    struct hlidka_sync *client;

    snprintf(key, sizeof(key), "%s/backend.key", keys);
    const struct hlidka_options options = {
        .brokers = brokers, .principal = "backend", .principals_path = principals, .key_path = key,
    };
    if (hlidka_sync_open(&options, 20000, &client, why))
        backend_die(brokers, why);
    return client;
}

#endif
