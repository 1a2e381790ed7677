#include "vault.h"

const struct route vault_routes[] = {
    { &op_crypto_datakey_create, handle_datakey_create },
    { &op_crypto_datakey_open, handle_datakey_open },
};
const size_t vault_route_count = sizeof(vault_routes) / sizeof(vault_routes[0]);

void context_of(const struct text_map *map, struct context *out)
{
    out->count = map->count;            /* at most CONTEXT_PAIRS_MAX: the table of ops says so */
    for (size_t i = 0; i < map->count; i++)
        out->pairs[i] = (struct context_pair){ map->pairs[i].key, map->pairs[i].value };
}
