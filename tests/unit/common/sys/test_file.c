#include "file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/hlidka-file-XXXXXX";
static char path[64];
static struct buffer why;

static void begin(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/secret", dir);
    buffer_init(&why, 1000);
}

static void end(void)
{
    unlink(path);
    rmdir(dir);
    buffer_free(&why);
}

static void write_file(const void *data, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void assert_refused(enum result expected, const char *rule)
{
    struct secret *s = NULL;

    buffer_reset(&why);
    cr_assert_eq(file_read_secret(path, &s, &why), expected, "%s", rule);
    cr_assert_null(s);
    cr_assert_eq(buffer_append(&why, "", 1), RESULT_OK);
    cr_assert_not_null(strstr((const char *)why.data, rule), "\"%s\" in %s", rule, why.data);
    cr_assert_not_null(strstr((const char *)why.data, path));
}

Test(file, is_read_whole, .timeout = 5, .init = begin, .fini = end)
{
    static uint8_t data[100000];
    struct buffer out;

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    write_file(data, sizeof(data), 0644);
    buffer_init(&out, sizeof(data) + 1);
    cr_assert_eq(buffer_append(&out, "x", 1), RESULT_OK);
    cr_assert_eq(file_read(path, &out), RESULT_OK);
    cr_assert_eq(out.len, sizeof(data) + 1);
    cr_assert_arr_eq(out.data + 1, data, sizeof(data));
    buffer_free(&out);
}

Test(file, over_the_limit_is_refused_and_leaves_no_trace, .timeout = 5, .init = begin, .fini = end)
{
    struct buffer out;

    write_file("0123456789", 10, 0600);
    buffer_init(&out, 10);
    cr_assert_eq(file_read(path, &out), RESULT_OK);
    buffer_reset(&out);
    cr_assert_eq(buffer_append(&out, "x", 1), RESULT_OK);
    cr_assert_eq(file_read(path, &out), RESULT_TOO_LARGE);
    cr_assert_eq(out.len, 1);
    buffer_free(&out);
}

Test(file, that_is_none_is_an_error, .timeout = 5, .init = begin, .fini = end)
{
    struct file_stamp stamp;
    struct buffer out;

    buffer_init(&out, 10);
    cr_assert_eq(file_read(path, &out), RESULT_NOT_FOUND);
    cr_assert_eq(file_read("/dev/null/x", &out), RESULT_NOT_FOUND);
    cr_assert_eq(file_read(dir, &out), RESULT_IO);
    cr_assert_eq(file_stamp(path, &stamp), RESULT_NOT_FOUND);
    cr_assert_eq(out.len, 0);
    buffer_free(&out);
}

Test(file, with_a_secret_is_taken_without_trailing_white_space, .timeout = 5, .init = begin, .fini = end)
{
    static const mode_t modes[] = { 0600, 0400 };
    struct secret *s;

    for (size_t i = 0; i < 2; i++) {
        write_file(" key \t\r\n\n", 9, modes[i]);
        cr_assert_eq(file_read_secret(path, &s, &why), RESULT_OK);
        cr_assert(secret_equal(s, text_bytes(TEXT(" key"))));
        secret_free(s);
        unlink(path);
    }
    write_file("a\0", 2, 0600);
    cr_assert_eq(file_read_secret(path, &s, &why), RESULT_OK);
    cr_assert(secret_equal(s, (struct bytes){ (const uint8_t *)"a\0", 2 }));
    secret_free(s);
    cr_assert_eq(why.len, 0);
}

Test(file, with_a_secret_that_others_may_touch_is_refused, .timeout = 5, .init = begin, .fini = end)
{
    static const mode_t modes[] = { 0644, 0640, 0604, 0660, 0602, 0610, 0601, 0777 };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        write_file("the-key-itself", 14, modes[i]);
        assert_refused(RESULT_DENIED, "0600 or stricter");
        cr_assert_null(strstr((const char *)why.data, "the-key-itself"));
        unlink(path);
    }
}

Test(file, with_a_secret_of_a_stranger_is_refused, .timeout = 5, .init = begin, .fini = end)
{
    if (geteuid() != 0)
        cr_skip_test("only root can give a file away");
    write_file("key", 3, 0600);
    cr_assert_eq(chown(path, 12345, 12345), 0);
    assert_refused(RESULT_DENIED, "somebody else");
}

Test(file, with_a_secret_of_no_use_is_refused, .timeout = 5, .init = begin, .fini = end)
{
    static char big[65537];

    assert_refused(RESULT_NOT_FOUND, "not found");
    write_file("", 0, 0600);
    assert_refused(RESULT_DENIED, "is empty");
    write_file(" \n", 2, 0600);
    assert_refused(RESULT_DENIED, "is empty");
    memset(big, 'x', sizeof(big));
    write_file(big, sizeof(big), 0600);
    assert_refused(RESULT_DENIED, "over 64 KiB");
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    assert_refused(RESULT_DENIED, "not a regular file");
    unlink(path);
    cr_assert_eq(symlink("/dev/zero", path), 0);
    assert_refused(RESULT_DENIED, "not a regular file");
}

Test(file, with_a_secret_may_be_reached_by_a_link, .timeout = 5, .init = begin, .fini = end)
{
    char target[80];
    struct secret *s;

    write_file("key", 3, 0600);
    snprintf(target, sizeof(target), "%s/target", dir);
    cr_assert_eq(rename(path, target), 0);
    cr_assert_eq(symlink("target", path), 0);
    cr_assert_eq(file_read_secret(path, &s, &why), RESULT_OK);
    secret_free(s);
    cr_assert_eq(chmod(target, 0644), 0);
    assert_refused(RESULT_DENIED, "0600 or stricter");
    unlink(target);
}

Test(file, has_a_stamp_that_changes_with_it, .timeout = 5, .init = begin, .fini = end)
{
    struct file_stamp a, b, c;

    write_file("one", 3, 0600);
    cr_assert_eq(file_stamp(path, &a), RESULT_OK);
    cr_assert_eq(file_stamp(path, &b), RESULT_OK);
    cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0);
    cr_assert_eq(a.size, 3);
    write_file("three", 5, 0600);
    cr_assert_eq(file_stamp(path, &b), RESULT_OK);
    cr_assert_neq(memcmp(&a, &b, sizeof(a)), 0);
    unlink(path);
    write_file("seven", 5, 0600);
    cr_assert_eq(file_stamp(path, &c), RESULT_OK);
    cr_assert_neq(memcmp(&b, &c, sizeof(b)), 0);
}
