#include "principals.h"

#include "file.h"
#include "grant.h"
#include "yaml.h"

#include <sodium.h>
#include <stdlib.h>

#define GRANTS_MAX 256u
#define FILE_MAX   (1u << 20)

struct principals {
    unsigned references;
    struct yaml *yaml;                  /* owns every text below */
    struct grant *grants;               /* of all principals, one after the other */
    size_t grant_count;
    struct principal *list;             /* in the order of the file */
    unsigned *by_name;                  /* indexes into list, sorted by name */
    unsigned count;
    uint8_t sha256[32];
};

struct key_id key_id_of(const uint8_t public_key[32])
{
    uint8_t hash[32];
    struct key_id id;

    crypto_generichash(hash, sizeof(hash), public_key, 32, NULL, 0);
    memcpy(id.bytes, hash, sizeof(id.bytes));
    return id;
}

/* ---- reading the file ----------------------------------------------------------------------------------------- */

/* What every reader below is handed: they complain and go on, so that all mistakes are told at once. */
struct reading {
    const struct yaml *yaml;
    struct principals *into;
    struct buffer *why;
    bool failed;
};

static void complain(struct reading *in, const struct yaml_node *n, const char *message, struct text about)
{
    yaml_complain(in->yaml, n, in->why, "%s \"%.*s\"", message, TEXT_ARG(about));
    in->failed = true;
}

/* What topics (`<prefix>replies.<name>`), files and labels can carry as it is. */
static bool name_valid(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];
        bool inner = i > 0 && (c == '-' || c == '_');

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || inner))
            return false;
    }
    return t.len >= 1 && t.len <= ENVELOPE_NAME_MAX;
}

/* X25519 with a point of low order gives the same secret to everybody; libsodium refuses to compute it. */
static bool exchange_key_valid(const uint8_t public_key[32])
{
    static const uint8_t any_scalar[32] = { 9 };
    uint8_t shared[32];

    return crypto_scalarmult(shared, any_scalar, public_key) == 0;
}

static bool signing_key_valid(const uint8_t public_key[32])
{
    return crypto_core_ed25519_is_valid_point(public_key) == 1;
}

static void read_keys(struct reading *in, const struct yaml_node *list, const char *what, unsigned least, unsigned most,
                      bool (*valid)(const uint8_t public_key[32]), struct principal_key *keys, unsigned *count)
{
    if (list->kind != YAML_LIST || list->count < least || list->count > most) {
        yaml_complain(in->yaml, list, in->why, "%s: expected a list of %u to %u public keys", what, least, most);
        in->failed = true;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct principal_key *key = &keys[i];
        size_t len = 0;
        struct text base64;

        if (yaml_text(in->yaml, list->items[i], what, &base64, in->why)) {
            in->failed = true;
            continue;
        }
        if (sodium_base642bin(key->public_key, sizeof(key->public_key), base64.data, base64.len, NULL, &len, NULL,
                              sodium_base64_VARIANT_ORIGINAL) || len != sizeof(key->public_key))
            complain(in, list->items[i], "not the base64 of 32 bytes:", base64);
        else if (!valid(key->public_key))
            complain(in, list->items[i], "not a usable public key:", base64);
        key->id = key_id_of(key->public_key);
    }
    *count = (unsigned)list->count;
}

static void read_grants(struct reading *in, const struct yaml_node *list, struct principal *who)
{
    struct principals *p = in->into;

    if (list->kind != YAML_LIST || list->count > GRANTS_MAX) {
        yaml_complain(in->yaml, list, in->why, "may: expected a list of at most %u grants", GRANTS_MAX);
        in->failed = true;
        return;
    }
    who->grants = p->grants + p->grant_count;
    for (size_t i = 0; i < list->count; i++) {
        struct text t;

        if (yaml_text(in->yaml, list->items[i], "may", &t, in->why))
            in->failed = true;
        else if (!grant_read(t, &p->grants[p->grant_count]))
            complain(in, list->items[i], "not a grant (an op, a prefix and *, event: and a type or prefix, or *):", t);
        else
            p->grant_count++;
    }
    who->grant_count = (unsigned)(p->grants + p->grant_count - who->grants);
}

static void read_principal(struct reading *in, const struct yaml_pair *pair, struct principal *who)
{
    static const char *const known[] = { "keys", "signs", "may", "realm", NULL };
    const struct yaml_node *map = pair->value, *n;

    who->name = who->realm = pair->key;
    if (!name_valid(who->name))
        complain(in, map, "not a name (1 to 32 of a-z, 0-9, - and _):", who->name);
    if (map->kind != YAML_MAP) {
        complain(in, map, "expected a map of keys, signs, may and realm under", who->name);
        return;
    }
    if (yaml_only(in->yaml, map, known, in->why))
        in->failed = true;

    if ((n = yaml_get(map, "keys")))
        read_keys(in, n, "keys", 1, PRINCIPAL_KEYS_MAX, exchange_key_valid, who->keys, &who->key_count);
    else
        complain(in, map, "no keys for", who->name);
    if ((n = yaml_get(map, "signs")))
        read_keys(in, n, "signs", 0, PRINCIPAL_SIGNS_MAX, signing_key_valid, who->signs, &who->sign_count);
    if ((n = yaml_get(map, "may")))
        read_grants(in, n, who);
    if ((n = yaml_get(map, "realm"))) {
        if (yaml_text(in->yaml, n, "realm", &who->realm, in->why))
            in->failed = true;
        else if (!name_valid(who->realm))
            complain(in, n, "not a realm (1 to 32 of a-z, 0-9, - and _):", who->realm);
    }
}

/* ---- the file as a whole -------------------------------------------------------------------------------------- */

struct owned_key {
    const struct principal_key *key;
    const struct principal *owner;
};

static int owned_key_order(const void *a, const void *b)
{
    return memcmp(&((const struct owned_key *)a)->key->id, &((const struct owned_key *)b)->key->id,
                  sizeof(struct key_id));
}

/* By key id: two keys that a header could not tell apart are refused like one that stands twice. */
static enum result refuse_repeated_keys(struct reading *in)
{
    const struct principals *p = in->into;
    struct owned_key *all = calloc(p->count, (PRINCIPAL_KEYS_MAX + PRINCIPAL_SIGNS_MAX) * sizeof(*all));
    size_t n = 0;

    if (!all)
        return RESULT_NO_MEMORY;
    for (unsigned i = 0; i < p->count; i++) {
        const struct principal *who = &p->list[i];

        for (unsigned k = 0; k < who->key_count; k++)
            all[n++] = (struct owned_key){ &who->keys[k], who };
        for (unsigned k = 0; k < who->sign_count; k++)
            all[n++] = (struct owned_key){ &who->signs[k], who };
    }
    if (n > 1)
        qsort(all, n, sizeof(*all), owned_key_order);
    for (size_t i = 1; i < n; i++) {
        if (owned_key_order(&all[i - 1], &all[i]) == 0) {
            yaml_complain(in->yaml, yaml_root(in->yaml), in->why, "a public key stands twice: under %.*s and %.*s",
                          TEXT_ARG(all[i - 1].owner->name), TEXT_ARG(all[i].owner->name));
            in->failed = true;
        }
    }
    free(all);
    return RESULT_OK;
}

static size_t grants_in(const struct yaml_node *principals)
{
    size_t n = 0;

    for (size_t i = 0; i < principals->count; i++) {
        const struct yaml_node *who = principals->pairs[i].value;
        const struct yaml_node *may = who->kind == YAML_MAP ? yaml_get(who, "may") : NULL;

        if (may && may->kind == YAML_LIST)
            n += may->count;
    }
    return n;
}

static int name_order(const void *a, const void *b, void *list)
{
    const struct principal *of = list;

    return text_compare(of[*(const unsigned *)a].name, of[*(const unsigned *)b].name);
}

static enum result read_all(struct reading *in, const struct yaml_node *map)
{
    struct principals *p = in->into;

    p->list = calloc(map->count, sizeof(*p->list));
    p->by_name = calloc(map->count, sizeof(*p->by_name));
    p->grants = calloc(grants_in(map) + 1, sizeof(*p->grants));
    if (!p->list || !p->by_name || !p->grants)
        return RESULT_NO_MEMORY;

    p->count = (unsigned)map->count;
    for (unsigned i = 0; i < p->count; i++) {
        p->list[i].index = p->by_name[i] = i;
        read_principal(in, &map->pairs[i], &p->list[i]);
    }
    qsort_r(p->by_name, p->count, sizeof(*p->by_name), name_order, p->list);
    return in->failed ? RESULT_OK : refuse_repeated_keys(in);
}

enum result principals_parse(struct bytes yaml, const char *name, struct principals **out, struct buffer *why)
{
    static const char *const known[] = { "principals", NULL };
    struct principals *p = calloc(1, sizeof(*p));
    enum result r;

    if (!p)
        return RESULT_NO_MEMORY;
    p->references = 1;
    crypto_hash_sha256(p->sha256, yaml.data, yaml.len);
    r = yaml_parse(yaml, name, &p->yaml, why);
    if (r)
        goto fail;

    struct reading in = { .yaml = p->yaml, .into = p, .why = why };
    const struct yaml_node *root = yaml_root(p->yaml);
    const struct yaml_node *map = root->kind == YAML_MAP ? yaml_get(root, "principals") : NULL;

    r = RESULT_BAD_CONFIG;
    if (!map || map->kind != YAML_MAP || map->count == 0 || map->count > PRINCIPALS_MAX) {
        yaml_complain(p->yaml, root, why, "expected `principals:`, a map of 1 to %u names", PRINCIPALS_MAX);
        goto fail;
    }
    if (yaml_only(p->yaml, root, known, why))
        in.failed = true;
    r = read_all(&in, map);
    if (!r && in.failed)
        r = RESULT_BAD_CONFIG;
    if (r)
        goto fail;
    *out = p;
    return RESULT_OK;

fail:
    principals_drop(p);
    return r == RESULT_NO_MEMORY ? r : RESULT_BAD_CONFIG;
}

enum result principals_load(const char *path, struct principals **out, struct buffer *why)
{
    struct buffer doc;
    enum result r;

    buffer_init(&doc, FILE_MAX);
    r = file_read(path, &doc);
    if (!r) {
        r = principals_parse(buffer_bytes(&doc), path, out, why);
    } else {
        enum result told = buffer_printf(why, "%s: %s\n", path, result_text(r));
        r = told ? told : RESULT_BAD_CONFIG;
    }
    buffer_free(&doc);
    return r;
}

struct principals *principals_hold(struct principals *p)
{
    p->references++;
    return p;
}

void principals_drop(struct principals *p)
{
    if (!p || --p->references > 0)
        return;
    free(p->by_name);
    free(p->list);
    free(p->grants);
    yaml_free(p->yaml);
    free(p);
}

/* ---- looking up ----------------------------------------------------------------------------------------------- */

const struct principal *principals_find(const struct principals *p, struct text name)
{
    unsigned low = 0, high = p->count;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        const struct principal *who = &p->list[p->by_name[mid]];
        int order = text_compare(name, who->name);

        if (order == 0)
            return who;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct principal *principals_at(const struct principals *p, unsigned index)
{
    return index < p->count ? &p->list[index] : NULL;
}

unsigned principals_count(const struct principals *p)
{
    return p->count;
}

const uint8_t *principals_sha256(const struct principals *p)
{
    return p->sha256;
}

const struct principal_key *principal_key_find(const struct principal *who, const struct key_id *id)
{
    for (unsigned i = 0; i < who->key_count; i++) {
        if (memcmp(&who->keys[i].id, id, sizeof(*id)) == 0)
            return &who->keys[i];
    }
    return NULL;
}

bool principal_may(const struct principal *who, struct text op, bool is_signed)
{
    for (unsigned i = 0; i < who->grant_count; i++) {
        if (grant_covers(&who->grants[i], op, is_signed))
            return true;
    }
    return false;
}

bool principal_may_event(const struct principal *who, struct text type)
{
    for (unsigned i = 0; i < who->grant_count; i++) {
        if (grant_covers_event(&who->grants[i], type))
            return true;
    }
    return false;
}
