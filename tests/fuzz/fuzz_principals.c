/* A principals file of any content is refused with a reason, or every rule of the contract holds of what was read. */
#include "principals.h"

#include "event_types.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_keys(const struct principal *who)
{
    require(who->key_count >= 1 && who->key_count <= PRINCIPAL_KEYS_MAX && who->sign_count <= PRINCIPAL_SIGNS_MAX);
    for (unsigned i = 0; i < who->key_count; i++) {
        struct key_id id = key_id_of(who->keys[i].public_key);

        require(memcmp(&id, &who->keys[i].id, sizeof(id)) == 0);
        require(principal_key_find(who, &id) == &who->keys[i]);
    }
}

static void check(const struct principals *p)
{
    static const struct text types[] = { TEXT("log.gap"), TEXT("log.tick"), TEXT("log.conflict"), TEXT("audit.queried") };

    require(principals_count(p) >= 1 && principals_count(p) <= PRINCIPALS_MAX);
    for (unsigned i = 0; i < principals_count(p); i++) {
        const struct principal *who = principals_at(p, i);

        require(who->index == i && who->name.len >= 1 && who->name.len <= ENVELOPE_NAME_MAX && who->realm.len >= 1);
        require(principals_find(p, who->name) == who);
        check_keys(who);
        /* What may be said signed may be said unsigned; nobody is granted what audit alone writes. */
        require(!principal_may(who, TEXT("auth.user.update"), true) || principal_may(who, TEXT("auth.user.update"), false));
        for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
            require(event_type_audit_alone(types[t]) && !principal_may_event(who, types[t]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct principals *p = NULL;
    struct buffer why;

    if (sodium_init() < 0)
        abort();
    buffer_init(&why, 1 << 20);
    enum result r = principals_parse((struct bytes){ data, len }, "f", &p, &why);
    require(r == RESULT_OK || r == RESULT_BAD_CONFIG);
    require((r == RESULT_OK) == (p != NULL) && (r == RESULT_OK) == (why.len == 0));
    if (p)
        check(p);
    principals_drop(p);
    buffer_free(&why);
    return 0;
}
