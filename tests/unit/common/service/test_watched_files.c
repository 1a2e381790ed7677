#include "watched_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    char fresh[80];
    FILE *f;

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    cr_assert((f = fopen(fresh, "w")) && fputs(text, f) >= 0 && fclose(f) == 0);
    cr_assert_eq(rename(fresh, path), 0);
}

Test(watched_files, a_change_is_told_once, .timeout = 10)
{
    char dir[] = "/tmp/watched-XXXXXX", path[64], other[64];
    struct watched_files w = { .count = 0 };

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a", dir);
    snprintf(other, sizeof(other), "%s/b", dir);
    put(path, "one");
    cr_assert_eq(watched_files_add(&w, path), RESULT_OK);
    cr_assert_eq(watched_files_add(&w, other), RESULT_OK, "which is not there");
    cr_assert(!watched_files_changed(&w));
    put(path, "two");
    cr_assert(watched_files_changed(&w));
    cr_assert(!watched_files_changed(&w));
    put(other, "new");
    put(path, "three");
    cr_assert(watched_files_changed(&w));
    cr_assert(!watched_files_changed(&w), "one telling for all");
    cr_assert_eq(unlink(path), 0);
    cr_assert(!watched_files_changed(&w), "gone is no change");
    put(path, "four");
    cr_assert(watched_files_changed(&w));
    unlink(path);
    unlink(other);
    rmdir(dir);
}

Test(watched_files, are_bounded, .timeout = 5)
{
    struct watched_files w = { .count = 0 };

    for (unsigned i = 0; i < WATCHED_FILES_MAX; i++)
        cr_assert_eq(watched_files_add(&w, "/nonexistent"), RESULT_OK);
    cr_assert_eq(watched_files_add(&w, "/nonexistent"), RESULT_FULL);
}
