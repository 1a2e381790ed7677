#include "metrics.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static struct metrics *fresh(void)
{
    struct metrics *m;

    cr_assert_eq(metrics_new(&m), RESULT_OK);
    return m;
}

static void assert_prints(struct metrics *m, const char *expected)
{
    struct buffer out;

    buffer_init(&out, 100000);
    cr_assert_eq(metrics_print(m, &out), RESULT_OK);
    cr_assert_eq(buffer_append(&out, "", 1), RESULT_OK);
    cr_assert_str_eq((const char *)out.data, expected);
    buffer_free(&out);
    metrics_free(m);
}

Test(metrics, of_one_name_are_printed_together, .timeout = 5)
{
    struct metrics *m = fresh();
    uint64_t a = 1, b = UINT64_MAX, other = 0;

    cr_assert_eq(metrics_counter(m, "a_total", "As.", "k=\"1\"", &a), RESULT_OK);
    cr_assert_eq(metrics_counter(m, "b_total", "Bs.", NULL, &other), RESULT_OK);
    cr_assert_eq(metrics_counter(m, "a_total", "As.", "k=\"2\"", &b), RESULT_OK);
    a = 5;
    assert_prints(m, "# HELP a_total As.\n# TYPE a_total counter\na_total{k=\"1\"} 5\na_total{k=\"2\"} 18446744073709551615\n"
                     "# HELP b_total Bs.\n# TYPE b_total counter\nb_total 0\n");
}

Test(metrics, print_gauges_without_losing_digits, .timeout = 5)
{
    static const double values[] = { 0, 0.1, -2.5, 1e300, 1.0 / 3, INFINITY, -INFINITY, NAN };
    struct metrics *m = fresh();
    char label[8];

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        snprintf(label, sizeof(label), "i=\"%u\"", i);
        cr_assert_eq(metrics_gauge(m, "g", "G.", label, &values[i]), RESULT_OK);
    }
    assert_prints(m, "# HELP g G.\n# TYPE g gauge\ng{i=\"0\"} 0\ng{i=\"1\"} 0.1\ng{i=\"2\"} -2.5\ng{i=\"3\"} 1e+300\n"
                     "g{i=\"4\"} 0.33333333333333331\ng{i=\"5\"} +Inf\ng{i=\"6\"} -Inf\ng{i=\"7\"} NaN\n");
}

Test(metrics, print_histograms_in_seconds_and_cumulated, .timeout = 5)
{
    struct metrics *m = fresh();
    struct histogram h = { 0 };

    histogram_add(&h, 100);
    histogram_add(&h, 150);
    histogram_add(&h, 60000000);
    cr_assert_eq(metrics_histogram(m, "t_seconds", "Time.", "op=\"x\"", &h), RESULT_OK);
    assert_prints(m, "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.0001\"} 1\nt_seconds_bucket{op=\"x\",le=\"0.0002\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.0004\"} 2\nt_seconds_bucket{op=\"x\",le=\"0.0008\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.0016\"} 2\nt_seconds_bucket{op=\"x\",le=\"0.0032\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.0064\"} 2\nt_seconds_bucket{op=\"x\",le=\"0.0128\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.0256\"} 2\nt_seconds_bucket{op=\"x\",le=\"0.0512\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.1024\"} 2\nt_seconds_bucket{op=\"x\",le=\"0.2048\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"0.4096\"} 2\nt_seconds_bucket{op=\"x\",le=\"0.8192\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"1.6384\"} 2\nt_seconds_bucket{op=\"x\",le=\"3.2768\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"6.5536\"} 2\nt_seconds_bucket{op=\"x\",le=\"13.1072\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"26.2144\"} 2\nt_seconds_bucket{op=\"x\",le=\"52.4288\"} 2\n"
                     "t_seconds_bucket{op=\"x\",le=\"+Inf\"} 3\n"
                     "t_seconds_sum{op=\"x\"} 60.000250\nt_seconds_count{op=\"x\"} 3\n");
}

Test(metrics, refuse_what_is_there_or_contradicts_itself, .timeout = 5)
{
    struct metrics *m = fresh();
    uint64_t n = 0;
    double g = 0;

    cr_assert_eq(metrics_counter(m, "n_total", "N.", "a=\"1\"", &n), RESULT_OK);
    cr_assert_eq(metrics_counter(m, "n_total", "N.", "a=\"1\"", &n), RESULT_EXISTS);
    cr_assert_eq(metrics_counter(m, "n_total", "Other help.", "a=\"2\"", &n), RESULT_CONFLICT);
    cr_assert_eq(metrics_gauge(m, "n_total", "N.", "a=\"2\"", &g), RESULT_CONFLICT);
    assert_prints(m, "# HELP n_total N.\n# TYPE n_total counter\nn_total{a=\"1\"} 0\n");
}

Test(metrics, are_bounded_in_number, .timeout = 20)
{
    struct metrics *m = fresh();
    uint64_t n = 0;
    char label[16];

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(label, sizeof(label), "i=\"%u\"", i);
        cr_assert_eq(metrics_counter(m, "n_total", "N.", label, &n), RESULT_OK);
    }
    cr_assert_eq(metrics_counter(m, "n_total", "N.", "i=\"x\"", &n), RESULT_FULL);
    metrics_free(m);
}

static void collect(void *cookie)
{
    *(double *)cookie += 1;
}

Test(metrics, are_brought_up_to_date_before_they_are_printed, .timeout = 5)
{
    struct metrics *m = fresh();
    double g = 0;

    cr_assert_eq(metrics_gauge(m, "g", "G.", NULL, &g), RESULT_OK);
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(metrics_collector(m, collect, &g), RESULT_OK);
    cr_assert_eq(metrics_collector(m, collect, &g), RESULT_FULL);
    assert_prints(m, "# HELP g G.\n# TYPE g gauge\ng 16\n");
}

Test(metrics, that_do_not_fit_are_an_error, .timeout = 5)
{
    struct metrics *m = fresh();
    struct buffer out;
    uint64_t n = 0;

    cr_assert_eq(metrics_counter(m, "n_total", "N.", NULL, &n), RESULT_OK);
    buffer_init(&out, 20);
    cr_assert_eq(metrics_print(m, &out), RESULT_TOO_LARGE);
    buffer_free(&out);
    metrics_free(m);
    metrics_free(NULL);
}
