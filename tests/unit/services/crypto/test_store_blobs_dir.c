#include "blobs_dir.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static struct blobs *blobs;
static struct buffer why;

static void setup(void)
{
    snprintf(path, sizeof(path), "/tmp/hlidka-blobs-XXXXXX");
    cr_assert(mkdtemp(path));
    buffer_init(&why, 1024);
    cr_assert_eq(blobs_dir_open(path, &blobs, &why), RESULT_OK);
}

static void teardown(void)
{
    char command[96];

    blobs->free(blobs);
    buffer_free(&why);
    snprintf(command, sizeof(command), "rm -rf %s", path);
    cr_assert_eq(system(command), 0);
}

TestSuite(blobs_dir, .init = setup, .fini = teardown, .timeout = 20);

static struct uuid name_of(uint8_t shard, uint16_t n)
{
    struct uuid u = { { shard } };

    bytes_put_u16(u.bytes + 1, n);
    return u;
}

static void put(uint8_t shard, uint16_t n)
{
    struct uuid u = name_of(shard, n);

    cr_assert_eq(blobs->put(blobs, &u, (struct bytes){ (const uint8_t *)"0123456789", 10 }), RESULT_OK);
}

Test(blobs_dir, gives_back_what_was_put_and_any_range_of_it)
{
    struct uuid u = name_of(0xab, 1), other = name_of(0xab, 2);
    uint8_t out[16] = { 0 };

    put(0xab, 1);
    cr_assert_eq(blobs->get(blobs, &u, 3, 4, out), RESULT_OK);
    cr_expect_arr_eq(out, "3456", 4);
    cr_expect_eq(blobs->get(blobs, &u, 3, 8, out), RESULT_TRUNCATED);
    cr_expect_eq(blobs->get(blobs, &other, 0, 1, out), RESULT_NOT_FOUND);
    cr_expect_eq(blobs->put(blobs, &u, (struct bytes){ (const uint8_t *)"x", 1 }), RESULT_EXISTS, "never written twice");
    cr_assert_eq(blobs->get(blobs, &u, 0, 10, out), RESULT_OK);
    cr_expect_arr_eq(out, "0123456789", 10);
}

Test(blobs_dir, is_nobody_elses_to_read)
{
    char file[160];
    struct stat st;

    put(0xab, 0x0102);
    snprintf(file, sizeof(file), "%s/ab/ab010200000000000000000000000000", path);
    cr_assert_eq(stat(file, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
}

Test(blobs_dir, removing_what_is_not_there_is_no_failure)
{
    struct uuid u = name_of(1, 1);
    uint8_t out[1];

    put(1, 1);
    cr_expect_eq(blobs->remove(blobs, &u), RESULT_OK);
    cr_expect_eq(blobs->remove(blobs, &u), RESULT_OK);
    cr_expect_eq(blobs->get(blobs, &u, 0, 1, out), RESULT_NOT_FOUND);
}

Test(blobs_dir, lists_a_shard_in_pieces_without_missing_any)
{
    enum { COUNT = 37, PIECE = 5 };
    struct uuid names[PIECE], after = { { 0 } };
    size_t count, seen = 0;

    for (uint16_t n = 0; n < COUNT; n++)
        put(7, (uint16_t)(n * 7919));
    put(8, 1);
    usleep(5000);
    do {
        cr_assert_eq(blobs->list(blobs, 7, 0, &after, names, PIECE, &count), RESULT_OK);
        for (size_t i = 0; i < count; i++) {
            cr_expect_gt(memcmp(names[i].bytes, after.bytes, 16), 0, "in order, each once");
            cr_expect_eq(names[i].bytes[0], 7);
            after = names[i];
        }
        seen += count;
    } while (count == PIECE);
    cr_expect_eq(seen, COUNT);
}

Test(blobs_dir, lists_neither_the_young_nor_what_is_no_blob)
{
    struct uuid names[4], after = { { 0 } };
    char stray[160];
    size_t count;

    put(9, 1);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const NAMES[] = { "note.txt", "0901000000000000000000000000000", "0A010000000000000000000000000000" };
        snprintf(stray, sizeof(stray), "%s/09/%s", path, NAMES[i]);
        fclose(fopen(stray, "w"));
    }
    cr_assert_eq(blobs->list(blobs, 9, 60000, &after, names, 4, &count), RESULT_OK);
    cr_expect_eq(count, 0);
    usleep(5000);
    cr_assert_eq(blobs->list(blobs, 9, 0, &after, names, 4, &count), RESULT_OK);
    cr_expect_eq(count, 1);
}

Test(blobs_dir, has_one_identity_for_good)
{
    const struct uuid first = uuid_v8((const uint8_t[16]){ 1 }), second = uuid_v8((const uint8_t[16]){ 2 });
    struct uuid got;

    cr_expect_eq(blobs->identity(blobs, &got), RESULT_NOT_FOUND);
    cr_assert_eq(blobs->place(blobs, &first), RESULT_OK);
    cr_expect_eq(blobs->place(blobs, &second), RESULT_EXISTS);
    cr_assert_eq(blobs->identity(blobs, &got), RESULT_OK);
    cr_expect_arr_eq(got.bytes, first.bytes, 16);
}

Test(blobs_dir, a_directory_that_is_not_there_is_named)
{
    struct blobs *other;

    cr_expect_eq(blobs_dir_open("/tmp/hlidka-no-such-directory", &other, &why), RESULT_NOT_FOUND);
    cr_expect(why.len > 0 && memmem(why.data, why.len, "no-such-directory", 17));
}
