/* Reading migration files (migrate.h). */
#include "file.h"
#include "migrate.h"
#include "refuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define TEXT_MAX (4 * 1024 * 1024)
#define PATH_CAP 1024

/* NNN_name.sql */
static bool parse_name(const char *file, struct migration *out)
{
    size_t len = strlen(file), name_len;

    if (len < 9 || strcmp(file + len - 4, ".sql") != 0 || file[3] != '_' || strspn(file, "0123456789") != 3)
        return false;
    name_len = len - 8;
    if (name_len >= sizeof(out->name) || strspn(file + 4, "abcdefghijklmnopqrstuvwxyz0123456789_") != name_len)
        return false;
    out->version = (unsigned)((file[0] - '0') * 100 + (file[1] - '0') * 10 + (file[2] - '0'));
    memcpy(out->name, file + 4, name_len);
    return out->version > 0;
}

static enum result load_file(const char *dir, const char *file, struct migrations *m, struct buffer *why)
{
    char path[PATH_CAP];
    struct migration item = { 0 };
    size_t before = m->text.len;
    enum result r;

    if (strlen(file) < 4 || strcmp(file + strlen(file) - 4, ".sql") != 0)
        return RESULT_OK;
    if (!parse_name(file, &item))
        return refuse(RESULT_BAD_CONFIG, why, "%s/%s: a migration is called NNN_name.sql, name of [a-z0-9_]", dir, file);
    if (m->count == MIGRATE_MAX)
        return refuse(RESULT_TOO_LARGE, why, "%s: more than %d migrations", dir, MIGRATE_MAX);
    if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
        return refuse(RESULT_TOO_LARGE, why, "%s: the path is too long", file);
    r = file_read(path, &m->text);
    if (r)
        return refuse(r, why, "%s: %s", path, result_text(r));
    item.sql.len = m->text.len - before;
    if (item.sql.len == 0 || memchr(m->text.data + before, '\0', item.sql.len))
        return refuse(RESULT_BAD_CONFIG, why, "%s: is empty or holds a NUL", path);
    m->items[m->count++] = item;
    return RESULT_OK;
}

static enum result load_dir(const char *dir, struct migrations *m, struct buffer *why)
{
    uv_fs_t scan;
    uv_dirent_t entry;
    enum result r = RESULT_OK;

    if (uv_fs_scandir(NULL, &scan, dir, 0, NULL) < 0) {
        r = refuse(RESULT_NOT_FOUND, why, "%s: no such directory of migrations", dir);
        uv_fs_req_cleanup(&scan);
        return r;
    }
    /* To the end even after a failure: libuv forgets to free the last entry of a list that is left early. */
    while (uv_fs_scandir_next(&scan, &entry) == 0)
        if (!r)
            r = load_file(dir, entry.name, m, why);
    uv_fs_req_cleanup(&scan);
    return r;
}

static int by_version(const void *a, const void *b)
{
    const struct migration *x = a, *y = b;

    return (x->version > y->version) - (x->version < y->version);
}

enum result migrations_load(const char *const *dirs, size_t count, struct migrations *out, struct buffer *why)
{
    size_t offset = 0;
    enum result r = RESULT_OK;

    *out = (struct migrations){ .items = calloc(MIGRATE_MAX, sizeof(*out->items)) };
    buffer_init(&out->text, TEXT_MAX);
    if (!out->items)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < count && !r; i++)
        r = load_dir(dirs[i], out, why);
    if (r)
        goto fail;
    /* Only now does the text stay where it is. */
    for (size_t i = 0; i < out->count; i++) {
        out->items[i].sql.data = out->text.data + offset;
        offset += out->items[i].sql.len;
    }
    qsort(out->items, out->count, sizeof(*out->items), by_version);
    for (size_t i = 1; i < out->count && !r; i++)
        if (out->items[i].version == out->items[i - 1].version)
            r = refuse(RESULT_BAD_CONFIG, why, "two migrations have the number %03u: %s and %s", out->items[i].version,
                       out->items[i - 1].name, out->items[i].name);
    if (!r)
        return RESULT_OK;
fail:
    migrations_free(out);
    return r;
}

void migrations_free(struct migrations *m)
{
    free(m->items);
    buffer_free(&m->text);
    m->items = NULL;
    m->count = 0;
}
