#include "credentials.h"

static void look(const struct credential_files *files, struct file_stamp stamps[3])
{
    const char *const paths[3] = { files->principals, files->key, files->sign };

    for (size_t i = 0; i < 3; i++) {
        if (!paths[i] || file_stamp(paths[i], &stamps[i]))
            stamps[i] = (struct file_stamp){ 0 };
    }
}

static enum result check_self(const struct credentials *c, struct text self, const char *file, struct buffer *why)
{
    const struct principal *me = principals_find(c->principals, self);
    const char *problem = NULL;
    enum result r = RESULT_OK;

    if (!me)
        problem = "is no principal there";
    else if (!principal_key_find(me, &keyring_own(c->keyring)->id))
        problem = "is listed there without the key that sends (the first line of its key file)";
    if (problem)
        r = buffer_printf(why, "%s: `%.*s` %s\n", file, TEXT_ARG(self), problem);
    return r ? r : problem ? RESULT_BAD_CONFIG : RESULT_OK;
}

enum result credentials_load(const struct credential_files *files, struct text self, struct credentials *out,
                             struct buffer *why)
{
    struct credentials c;
    enum result r;

    look(files, c.stamps);              /* first: a file that changes while it is read will be read again */
    r = principals_load(files->principals, &c.principals, why);
    if (r)
        return r;
    r = keyring_load(files->key, files->sign, &c.keyring, why);
    if (r)
        goto fail_principals;
    r = check_self(&c, self, files->principals, why);
    if (r)
        goto fail_keyring;
    *out = c;
    return RESULT_OK;

fail_keyring:
    keyring_free(c.keyring);
fail_principals:
    principals_drop(c.principals);
    return r;
}

bool credentials_stale(const struct credentials *c, const struct credential_files *files)
{
    struct file_stamp now[3];
    static const struct file_stamp AWAY;

    look(files, now);
    for (size_t i = 0; i < 3; i++) {
        if (memcmp(&now[i], &AWAY, sizeof(AWAY)) != 0 && memcmp(&now[i], &c->stamps[i], sizeof(AWAY)) != 0)
            return true;
    }
    return false;
}

void credentials_seen(struct credentials *c, const struct credential_files *files)
{
    look(files, c->stamps);
}

void credentials_free(struct credentials *c)
{
    keyring_free(c->keyring);
    principals_drop(c->principals);
    *c = (struct credentials){ .principals = NULL };
}
