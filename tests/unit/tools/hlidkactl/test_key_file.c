#include "key_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entropy.h"

static char directory[64], path[96];
static struct buffer why;

static void setup(void)
{
    cr_assert_not(entropy_start());
    snprintf(directory, sizeof(directory), "/tmp/hlidka-keys-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/backend.key", directory);
    buffer_init(&why, 1024);
}

static void teardown(void)
{
    buffer_free(&why);
    unlink(path);
    cr_assert_eq(rmdir(directory), 0, "nothing else is left behind");
}

TestSuite(key_file, .init = setup, .fini = teardown, .timeout = 5);

Test(key_file, a_key_is_made_once_and_for_its_owner_alone)
{
    struct public_keys first, second;
    struct stat st;

    cr_assert_not(key_file_create(path, &why));
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    cr_assert_not(key_file_public(path, KEY_EXCHANGE, &first, &why));
    cr_assert_eq(key_file_create(path, &why), RESULT_EXISTS);
    cr_assert_not(key_file_public(path, KEY_EXCHANGE, &second, &why));
    cr_assert_eq(memcmp(&first, &second, sizeof(first.keys[0])), 0);
}

Test(key_file, rotation_appends_up_to_what_a_principal_may_list)
{
    struct public_keys before, after;

    for (unsigned i = 1; i <= KEY_FILE_SIGNS_MAX; i++) {
        cr_assert_not(key_file_add(path, KEY_SIGNING, &why));
        cr_assert_not(key_file_public(path, KEY_SIGNING, &after, &why));
        cr_assert_eq(after.count, i);
        cr_assert(i == 1 || memcmp(before.keys, after.keys, (i - 1) * 32) == 0, "those before stay where they are");
        before = after;
    }
    cr_assert_eq(key_file_add(path, KEY_SIGNING, &why), RESULT_FULL);
}

Test(key_file, a_file_that_others_may_read_is_refused)
{
    struct public_keys keys;

    cr_assert_not(key_file_create(path, &why));
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(key_file_public(path, KEY_EXCHANGE, &keys, &why), RESULT_DENIED);
    cr_assert_eq(key_file_add(path, KEY_EXCHANGE, &why), RESULT_DENIED);
}
