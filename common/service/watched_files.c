#include "watched_files.h"

enum result watched_files_add(struct watched_files *w, const char *path)
{
    if (w->count == WATCHED_FILES_MAX)
        return RESULT_FULL;

    struct watched_file *f = &w->files[w->count];
    *f = (struct watched_file){ .path = path };
    if (file_stamp(path, &f->stamp))
        f->stamp = (struct file_stamp){ 0 };
    w->count++;
    return RESULT_OK;
}

static bool same(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

bool watched_files_changed(struct watched_files *w)
{
    bool changed = false;

    for (unsigned i = 0; i < w->count; i++) {
        struct file_stamp now;

        if (file_stamp(w->files[i].path, &now) || same(&now, &w->files[i].stamp))
            continue;
        w->files[i].stamp = now;
        changed = true;
    }
    return changed;
}
