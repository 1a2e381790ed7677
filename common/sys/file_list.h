/* The files of a directory that together are one piece of configuration, in the order of their names. */
#ifndef HLIDKA_FILE_LIST_H
#define HLIDKA_FILE_LIST_H

#include "bytes.h"
#include "result.h"

#define FILE_LIST_MAX 128u

struct file_list {
    char *paths[FILE_LIST_MAX];         /* dir/name */
    size_t count;
};

/*
 * Those whose names end with `suffix` and do not begin with a dot. RESULT_NOT_FOUND, RESULT_DENIED, RESULT_FULL,
 * RESULT_IO, RESULT_NO_MEMORY; out is then empty.
 */
MUST_USE enum result file_list(const char *dir, const char *suffix, struct file_list *out);
void file_list_free(struct file_list *l);

/* Differs (but for chance) when a file was added, removed, renamed or changed. 0 while the directory cannot be read. */
uint64_t file_list_stamp(const char *dir, const char *suffix);

#endif
