/* Files whose change is of interest, looked at when asked. Paths are borrowed. */
#ifndef HLIDKA_WATCHED_FILES_H
#define HLIDKA_WATCHED_FILES_H

#include "file.h"

#define WATCHED_FILES_MAX 16u

struct watched_files {
    struct watched_file {
        const char *path;
        struct file_stamp stamp;        /* as last seen; zeroes while it is not there */
    } files[WATCHED_FILES_MAX];
    unsigned count;
};

/* From now on: how it is at this moment is not a change. RESULT_FULL. */
MUST_USE enum result watched_files_add(struct watched_files *w, const char *path);

/*
 * Whether any has changed since the last look. One that has gone is no change until it is there again: a file is
 * replaced by a rename, or it is a mistake that a reload would not mend.
 */
bool watched_files_changed(struct watched_files *w);

#endif
