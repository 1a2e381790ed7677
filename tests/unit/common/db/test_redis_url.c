#include "redis_url.h"

#include <criterion/criterion.h>

static void expect(const char *text, const char *host, unsigned port, const char *user, const char *password, unsigned db)
{
    struct redis_url u;
    struct buffer why;

    buffer_init(&why, 500);
    cr_assert_eq(redis_url_parse(text_of(text), &u, &why), RESULT_OK, "%s: %.*s", text, (int)why.len, why.data);
    cr_expect_str_eq(u.host, host, "%s", text);
    cr_expect_eq(u.port, port, "%s", text);
    cr_expect_str_eq(u.user, user, "%s", text);
    cr_expect_eq(u.db, db, "%s", text);
    if (password)
        cr_expect(secret_equal(u.password, text_bytes(text_of(password))), "%s", text);
    else
        cr_expect_null(u.password, "%s", text);
    redis_url_free(&u);
    buffer_free(&why);
}

Test(redis_url, a_well_formed_url_is_taken_apart, .timeout = 5)
{
    expect("redis://localhost", "localhost", 6379, "", NULL, 0);
    expect("redis://10.0.0.1:7000/3", "10.0.0.1", 7000, "", NULL, 3);
    expect("redis://:pw@h:1/", "h", 1, "", "pw", 0);
    expect("redis://user:pw@h", "h", 6379, "user", "pw", 0);
    expect("redis://:a%40b%2fc%3A@h:1/15", "h", 1, "", "a@b/c:", 15);
    expect("redis://:a/b@c@h:1", "h", 1, "", "a/b@c", 0);
    expect("redis://[::1]:6380/1", "::1", 6380, "", NULL, 1);
    expect("redis://[fe80::1]", "fe80::1", 6379, "", NULL, 0);
    expect("redis://h:1/65535", "h", 1, "", NULL, 65535);
}

Test(redis_url, anything_else_is_refused_without_quoting_it, .timeout = 5)
{
    static const char *const bad[] = {
        "", "redis:/x", "http://x", "rediss://:hunter2@h", "redis://", "redis://:hunter2@", "redis://:@h", "redis://hunter2@h",
        "redis://:hunter2%@h", "redis://:hunter2%zz@h", "redis://:%00hunter2@h", "redis://:hunter2@h:0",
        "redis://:hunter2@h:65536", "redis://:hunter2@h:1x", "redis://:hunter2@h:", "redis://:hunter2@h/65536",
        "redis://:hunter2@h/x", "redis://:hunter2@[::1", "redis://:hunter2@[::1]6379", "redis://:hunter2@h/1/2",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct redis_url u;
        struct buffer why;

        buffer_init(&why, 500);
        cr_expect_eq(redis_url_parse(text_of(bad[i]), &u, &why), RESULT_BAD_CONFIG, "%s", bad[i]);
        cr_expect_gt(why.len, 0);
        cr_expect_null(why.len ? memmem(why.data, why.len, "hunter2", 7) : NULL);
        cr_expect_null(u.password);
        buffer_free(&why);
    }
}
