#include "vault.h"

const struct route vault_routes[] = {
    { &op_crypto_encrypt, handle_encrypt },
    { &op_crypto_decrypt, handle_decrypt },
    { &op_crypto_rewrap, handle_rewrap },
    { &op_crypto_audio_put, handle_audio_put },
    { &op_crypto_audio_get, handle_audio_get },
    { &op_crypto_audio_stat, handle_audio_stat },
    { &op_crypto_audio_delete, handle_audio_delete },
    { &op_crypto_datakey_create, handle_datakey_create },
    { &op_crypto_datakey_open, handle_datakey_open },
    { &op_crypto_datakey_rewrap, handle_datakey_rewrap },
};
const size_t vault_route_count = sizeof(vault_routes) / sizeof(vault_routes[0]);

void answer_fault(struct request *rq, enum fault_code code, const char *detail)
{
    request_fail_retry(rq, code, code == FAULT_UNAVAILABLE ? VAULT_RETRY_MS : 0, detail);
}

void context_of(const struct text_map *map, struct context *out)
{
    out->count = map->count;            /* at most CONTEXT_PAIRS_MAX: the table of ops says so */
    for (size_t i = 0; i < map->count; i++)
        out->pairs[i] = (struct context_pair){ map->pairs[i].key, map->pairs[i].value };
}
