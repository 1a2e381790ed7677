#include "file_list.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static bool wanted(const char *name, const char *suffix)
{
    size_t len = strlen(name), end = strlen(suffix);

    return name[0] != '.' && len > end && strcmp(name + len - end, suffix) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum result add(struct file_list *l, const char *dir, const char *name)
{
    if (l->count == FILE_LIST_MAX)
        return RESULT_FULL;
    if (asprintf(&l->paths[l->count], "%s/%s", dir, name) < 0)
        return RESULT_NO_MEMORY;
    l->count++;
    return RESULT_OK;
}

enum result file_list(const char *dir, const char *suffix, struct file_list *out)
{
    DIR *d = opendir(dir);
    enum result r = RESULT_OK;
    struct dirent *e = NULL;

    out->count = 0;
    if (!d)
        return errno == ENOENT || errno == ENOTDIR ? RESULT_NOT_FOUND : errno == EACCES ? RESULT_DENIED : RESULT_IO;
    while (!r && (errno = 0, e = readdir(d)))
        if (wanted(e->d_name, suffix))
            r = add(out, dir, e->d_name);
    if (!r && errno)
        r = RESULT_IO;
    closedir(d);
    if (r)
        file_list_free(out);
    qsort(out->paths, out->count, sizeof(out->paths[0]), by_name);
    return r;
}

void file_list_free(struct file_list *l)
{
    while (l->count > 0)
        free(l->paths[--l->count]);
}

uint64_t file_list_stamp(const char *dir, const char *suffix)
{
    struct file_list l;
    crypto_generichash_state h;
    uint8_t out[16];

    if (file_list(dir, suffix, &l))
        return 0;
    crypto_generichash_init(&h, NULL, 0, sizeof(out));
    for (size_t i = 0; i < l.count; i++) {
        struct file_stamp stamp = { 0 };
        if (file_stamp(l.paths[i], &stamp))
            stamp = (struct file_stamp){ 0 };
        crypto_generichash_update(&h, (const uint8_t *)l.paths[i], strlen(l.paths[i]) + 1);
        crypto_generichash_update(&h, (const uint8_t *)&stamp, sizeof(stamp));
    }
    crypto_generichash_final(&h, out, sizeof(out));
    file_list_free(&l);
    return bytes_get_u64(out);
}
