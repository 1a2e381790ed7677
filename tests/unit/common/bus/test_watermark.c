#include "watermark.h"

#include <criterion/criterion.h>

static struct watermark *window_of(size_t n)
{
    struct watermark *w = NULL;

    cr_assert_eq(watermark_new(n, &w), RESULT_OK);
    return w;
}

Test(watermark, moves_only_when_everything_below_is_finished, .timeout = 5)
{
    struct watermark *w = window_of(8);

    cr_assert_eq(watermark_position(w), -1);
    for (int64_t i = 7; i <= 9; i++)
        cr_assert_eq(watermark_begin(w, i), RESULT_OK);
    cr_assert_eq(watermark_position(w), 7);
    cr_assert_eq(watermark_finish(w, 8), RESULT_OK);
    cr_assert_eq(watermark_position(w), 7);
    cr_assert_eq(watermark_finish(w, 7), RESULT_OK);
    cr_assert_eq(watermark_position(w), 9);
    cr_assert_eq(watermark_finish(w, 9), RESULT_OK);
    cr_assert_eq(watermark_position(w), 10);
    cr_assert_eq(watermark_in_flight(w), 0);
    watermark_free(w);
}

Test(watermark, passes_over_holes_in_the_log, .timeout = 5)
{
    struct watermark *w = window_of(4);

    cr_assert_eq(watermark_begin(w, 0), RESULT_OK);
    cr_assert_eq(watermark_begin(w, 1000), RESULT_OK);
    cr_assert_eq(watermark_finish(w, 0), RESULT_OK);
    cr_assert_eq(watermark_position(w), 1000);
    cr_assert_eq(watermark_finish(w, 999), RESULT_NOT_FOUND);
    cr_assert_eq(watermark_finish(w, 1000), RESULT_OK);
    cr_assert_eq(watermark_position(w), 1001);
    watermark_free(w);
}

Test(watermark, refuses_what_cannot_be, .timeout = 5)
{
    struct watermark *w = window_of(2);

    cr_assert_eq(watermark_finish(w, 0), RESULT_NOT_FOUND);
    cr_assert_eq(watermark_begin(w, -1), RESULT_OUT_OF_RANGE);
    cr_assert_eq(watermark_begin(w, 5), RESULT_OK);
    cr_assert_eq(watermark_begin(w, 5), RESULT_OUT_OF_RANGE);
    cr_assert_eq(watermark_begin(w, 4), RESULT_OUT_OF_RANGE);
    cr_assert_eq(watermark_begin(w, 6), RESULT_OK);
    cr_assert(watermark_full(w));
    cr_assert_eq(watermark_begin(w, 7), RESULT_FULL);
    cr_assert_eq(watermark_finish(w, 6), RESULT_OK);
    cr_assert_eq(watermark_finish(w, 6), RESULT_NOT_FOUND, "finished once");
    cr_assert(watermark_full(w), "what waits for an older one still takes its place");
    watermark_free(w);
    cr_assert_eq(watermark_new(0, &w), RESULT_OUT_OF_RANGE);
}

/* Against the definition, over every order in which six may finish. */
Test(watermark, agrees_with_its_definition_in_every_order, .timeout = 10)
{
    enum { N = 6 };
    static const int64_t offsets[N] = { 3, 4, 7, 8, 9, 20 };

    for (unsigned code = 0; code < 720; code++) {
        struct watermark *w = window_of(N);
        bool done[N] = { false };
        unsigned rest = code;

        for (size_t i = 0; i < N; i++)
            cr_assert_eq(watermark_begin(w, offsets[i]), RESULT_OK);
        for (unsigned left = N; left > 0; left--) {
            unsigned pick = rest % left, at = 0;

            rest /= left;
            while (done[at] || pick-- > 0)
                at++;
            done[at] = true;
            cr_assert_eq(watermark_finish(w, offsets[at]), RESULT_OK);

            int64_t expected = offsets[N - 1] + 1;
            for (size_t i = N; i-- > 0;)
                expected = done[i] ? expected : offsets[i];
            cr_assert_eq(watermark_position(w), expected);
        }
        watermark_free(w);
    }
}

Test(watermark, goes_round_its_ring, .timeout = 5)
{
    struct watermark *w = window_of(3);

    for (int64_t i = 0; i < 100; i++) {
        cr_assert_eq(watermark_begin(w, 2 * i), RESULT_OK);
        if (i >= 2)
            cr_assert_eq(watermark_finish(w, 2 * (i - 2)), RESULT_OK);
    }
    cr_assert_eq(watermark_position(w), 2 * 98);
    watermark_free(w);
}
