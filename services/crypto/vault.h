/* The service as its handlers see it. main.c makes it. */
#ifndef HLIDKA_VAULT_H
#define HLIDKA_VAULT_H

#include "context.h"
#include "crypto.h"
#include "request.h"
#include "rings.h"

struct durable;

struct vault {
    struct durable *durable;
    struct rings *rings;
};

/* op -> handler. */
extern const struct route vault_routes[];
extern const size_t vault_route_count;

void handle_datakey_create(void *service, struct request *rq);
void handle_datakey_open(void *service, struct request *rq);

/* How long whoever is refused for want of a store or a fresh key had better wait. */
#define VAULT_RETRY_MS 500

/* The body's map as core/ takes it; its texts are borrowed. */
void context_of(const struct text_map *map, struct context *out);

#endif
