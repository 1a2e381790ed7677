#include "config_files.h"
#include "file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct metrics *metrics;
static struct config_files files;
static char dir[32], path[64];

/* What is in force, and how often it was looked for. A file that begins with `!` is bad; `lacking` is what nobody's file is. */
struct policy {
    char text[32];
    unsigned tries;
    bool lacking;
};
static struct policy policy;

static enum result load(void *cookie, struct buffer *why)
{
    struct policy *p = cookie;
    struct buffer in;

    p->tries++;
    if (p->lacking)
        return RESULT_NO_MEMORY;
    buffer_init(&in, 31);
    enum result r = file_read(path, &in);
    if (!r && in.len > 0 && in.data[0] == '!')
        r = buffer_printf(why, "bad") ? RESULT_NO_MEMORY : RESULT_MALFORMED;
    if (!r)
        snprintf(p->text, sizeof(p->text), "%.*s", (int)in.len, (const char *)in.data);
    buffer_free(&in);
    return r;
}

static void put(const char *text)
{
    char fresh[80];
    FILE *f;

    snprintf(fresh, sizeof(fresh), "%s/new", dir);
    cr_assert((f = fopen(fresh, "w")) && fputs(text, f) >= 0 && fclose(f) == 0);
    cr_assert_eq(rename(fresh, path), 0);
}

static enum result add(const char *suffix)
{
    struct buffer why;

    buffer_init(&why, 100);
    enum result r = config_files_add(&files, &(struct config_file){ "policy", suffix ? dir : path, suffix, load, &policy }, &why);
    buffer_free(&why);
    return r;
}

static void up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/config-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a.yaml", dir);
    cr_assert_eq(metrics_new(&metrics), RESULT_OK);
    files = (struct config_files){ .metrics = metrics };
    policy = (struct policy){ .tries = 0 };
}

static void down(void)
{
    metrics_free(metrics);
    unlink(path);
    rmdir(dir);
}

TestSuite(config_files, .init = up, .fini = down, .timeout = 10);

static void expect_metric(const char *line)
{
    struct buffer out;

    buffer_init(&out, 1 << 16);
    cr_assert_eq(metrics_print(metrics, &out), RESULT_OK);
    cr_assert_eq(buffer_append(&out, "", 1), RESULT_OK);
    cr_expect_not_null(strstr((const char *)out.data, line), "%s in %s", line, (const char *)out.data);
    buffer_free(&out);
}

Test(config_files, what_does_not_load_at_the_start_stops_it)
{
    cr_expect_eq(add(NULL), RESULT_NOT_FOUND);
    put("!");
    cr_expect_eq(add(NULL), RESULT_MALFORMED);
    cr_expect_eq(files.count, 0);
    put("one");
    cr_expect_eq(add(NULL), RESULT_OK);
    cr_expect_str_eq(policy.text, "one");
}

Test(config_files, a_change_is_loaded_once)
{
    put("one");
    cr_assert_eq(add(NULL), RESULT_OK);
    config_files_look(&files);
    cr_expect_eq(policy.tries, 1);
    put("two");
    for (unsigned i = 0; i < 3; i++)
        config_files_look(&files);
    cr_expect_eq(policy.tries, 2);
    cr_expect_str_eq(policy.text, "two");
    cr_assert_eq(unlink(path), 0);
    config_files_look(&files);
    cr_expect_eq(policy.tries, 2, "gone is no change");
    put("three");
    config_files_look(&files);
    cr_expect_str_eq(policy.text, "three");
    config_files_reload(&files);
    cr_expect_eq(policy.tries, 4, "asked for, it is loaded again");
    expect_metric("hlidka_config_reloads_total{file=\"policy\",outcome=\"taken\"} 3\n");
    expect_metric("hlidka_config_refused{file=\"policy\"} 0\n");
}

/* Nobody touches the file again. */
Test(config_files, what_was_refused_is_tried_until_it_loads)
{
    put("one");
    cr_assert_eq(add(NULL), RESULT_OK);
    put("two");
    policy.lacking = true;
    for (unsigned i = 0; i < 3; i++)
        config_files_look(&files);
    cr_expect_str_eq(policy.text, "one", "the old one stays");
    expect_metric("hlidka_config_refused{file=\"policy\"} 1\n");
    expect_metric("hlidka_config_reloads_total{file=\"policy\",outcome=\"refused\"} 3\n");
    policy.lacking = false;
    for (unsigned i = 0; i < 3; i++)
        config_files_look(&files);
    cr_expect_str_eq(policy.text, "two");
    cr_expect_eq(policy.tries, 5);
    expect_metric("hlidka_config_refused{file=\"policy\"} 0\n");
}

Test(config_files, a_reload_that_fails_is_tried_again_though_the_file_did_not_change)
{
    put("one");
    cr_assert_eq(add(NULL), RESULT_OK);
    put("!half");
    config_files_reload(&files);
    config_files_look(&files);
    cr_expect(files.files[0].failed == 2 && files.files[0].refused > 0);
    put("whole");
    config_files_look(&files);
    cr_expect_str_eq(policy.text, "whole");
}

Test(config_files, of_a_directory_those_count_that_end_so)
{
    char other[64];
    FILE *f;

    put("one");
    cr_assert_eq(add(".yaml"), RESULT_OK);
    snprintf(other, sizeof(other), "%s/notes.txt", dir);
    cr_assert((f = fopen(other, "w")) && fclose(f) == 0);
    config_files_look(&files);
    cr_expect_eq(policy.tries, 1);
    snprintf(other, sizeof(other), "%s/b.yaml", dir);
    cr_assert((f = fopen(other, "w")) && fclose(f) == 0);
    config_files_look(&files);
    cr_expect_eq(policy.tries, 2);
    unlink(other);
    config_files_look(&files);
    cr_expect_eq(policy.tries, 3);
    snprintf(other, sizeof(other), "%s/notes.txt", dir);
    unlink(other);
}

Test(config_files, are_bounded)
{
    struct buffer why;
    char name[CONFIG_FILES_MAX + 1][8];

    put("one");
    buffer_init(&why, 100);
    for (unsigned i = 0; i <= CONFIG_FILES_MAX; i++) {
        snprintf(name[i], sizeof(name[i]), "%c", 'a' + (int)i);
        cr_expect_eq(config_files_add(&files, &(struct config_file){ name[i], path, NULL, load, &policy }, &why),
                     i < CONFIG_FILES_MAX ? RESULT_OK : RESULT_FULL);
    }
    buffer_free(&why);
}
