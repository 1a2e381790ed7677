#include "identity.h"

#include <stdlib.h>

static enum result stamp_all(const struct identity_files *files, struct file_stamp stamps[3])
{
    const char *paths[3] = { files->principals, files->key, files->sign };

    for (size_t i = 0; i < 3; i++) {
        enum result r = paths[i] ? file_stamp(paths[i], &stamps[i]) : RESULT_OK;
        if (r)
            return r;
    }
    return RESULT_OK;
}

static enum result know_all(struct identity *id, struct peers *peers, struct buffer *why)
{
    for (unsigned i = 0; i < principals_count(id->principals); i++) {
        enum result r = peers_add(peers, principals_at(id->principals, i)->name, &id->peers[i]);
        if (r == RESULT_FULL) {
            r = buffer_printf(why, "more than %u names of principals since the start: restart to forget old ones\n",
                              PEERS_MAX);
            return r ? r : RESULT_BAD_CONFIG;
        }
        if (r)
            return r;
    }
    return RESULT_OK;
}

enum result identity_load(const struct identity_files *files, struct peers *peers, struct identity **out,
                          struct buffer *why)
{
    enum result r = RESULT_NO_MEMORY;
    struct identity *id = calloc(1, sizeof(*id));

    if (!id)
        goto fail;
    id->refs = 1;
    /* Stamps first: a file that changes while it is read differs from its stamp, and is read again. */
    r = stamp_all(files, id->stamps);
    if (r) {
        enum result said = buffer_printf(why, "%s, %s: %s\n", files->principals, files->key, result_text(r));
        r = said ? said : RESULT_BAD_CONFIG;
        goto fail_id;
    }
    if ((r = principals_load(files->principals, &id->principals, why)))
        goto fail_id;
    if ((r = keyring_load(files->key, files->sign, &id->keyring, why)))
        goto fail_principals;
    if ((r = know_all(id, peers, why)))
        goto fail_keyring;
    id->audit = principals_find(id->principals, TEXT("audit"));
    *out = id;
    return RESULT_OK;

fail_keyring:
    keyring_free(id->keyring);
fail_principals:
    principals_drop(id->principals);
fail_id:
    free(id);
fail:
    return r;
}

struct identity *identity_hold(struct identity *id)
{
    id->refs++;
    return id;
}

void identity_drop(struct identity *id)
{
    if (!id || --id->refs > 0)
        return;
    keyring_free(id->keyring);
    principals_drop(id->principals);
    free(id);
}

bool identity_changed(const struct identity *id, const struct identity_files *files)
{
    struct file_stamp now[3] = { 0 };

    return stamp_all(files, now) != RESULT_OK || memcmp(now, id->stamps, sizeof(now)) != 0;
}

const char *identity_fault(const struct identity *id, struct text self)
{
    const struct principal *me = principals_find(id->principals, self);

    if (!me)
        return "this service is not among the principals";
    if (!principal_key_find(me, &keyring_own(id->keyring)->id))
        return "the key that this service sends with is not listed under its name";
    return NULL;
}
