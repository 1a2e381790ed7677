#include "known.h"
#include "roots.h"

#define A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static enum result parse(const char *text, struct roots **out, size_t *line)
{
    struct secret *file;

    cr_assert_eq(secret_from(text, strlen(text), &file), RESULT_OK);
    enum result r = roots_parse(file, out, line);
    secret_free(file);
    return r;
}

Test(roots, a_bare_key_is_version_1, .timeout = 10)
{
    struct secret *want = known_secret(0);
    struct roots *r;
    size_t line;

    cr_assert_eq(parse(A, &r, &line), RESULT_OK);
    cr_expect_eq(roots_newest(r), 1);
    cr_expect(secret_equal(roots_find(r, 1), secret_bytes(want)));
    cr_expect_null(roots_find(r, 2));
    cr_expect_null(roots_find(r, 0));
    roots_free(r);
    secret_free(want);
}

Test(roots, the_highest_version_is_the_newest_in_any_order, .timeout = 10)
{
    struct secret *want = known_secret(0);
    struct roots *r;
    size_t line;

    cr_assert_eq(parse("12:" A "\n3:" ZERO, &r, &line), RESULT_OK);
    cr_expect_eq(roots_newest(r), 12);
    cr_expect(secret_equal(roots_find(r, 12), secret_bytes(want)));
    cr_expect(roots_find(r, 3));
    roots_free(r);
    secret_free(want);
}

Test(roots, a_file_with_a_mistake_is_refused_by_its_line, .timeout = 10)
{
    static const struct {
        const char *text;
        size_t line;
    } CASES[] = {
        { "", 0 }, { "x", 1 }, { "1:", 1 }, { "0:" A, 1 }, { "-1:" A, 1 }, { "1 :" A, 1 }, { "4294967296:" A, 1 },
        { "2147483648:" A, 1 }, { "18446744073709551617:" A, 1 }, { ":" A, 1 }, { "1:" A "\n1:" ZERO, 2 }, { "1:" A "\n" A, 2 },
        { A "\n2:" ZERO, 1 }, { "1:" A "\n\n2:" ZERO, 2 }, { "1:AAAA", 1 }, { "1:" A "AAAA", 1 }, { "1:" A " ", 1 },
        { "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", 1 },
    };
    struct roots *r;
    size_t line;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        cr_expect_eq(parse(CASES[i].text, &r, &line), RESULT_BAD_CONFIG, "case %zu", i);
        cr_expect_eq(line, CASES[i].line, "case %zu: line %zu", i, line);
    }
}
