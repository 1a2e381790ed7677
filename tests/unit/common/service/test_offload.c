#include "offload.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>
#include <uv.h>

static uv_loop_t loop;
static struct offload *o;
static pthread_t loops_thread;
static unsigned done_count, closed_count, elsewhere;

static void setup(void)
{
    cr_assert_eq(uv_loop_init(&loop), 0);
    loops_thread = pthread_self();
    done_count = closed_count = elsewhere = 0;
    cr_assert_eq(offload_new(&loop, NULL, &o), RESULT_OK);
}

static void on_closed(void *cookie)
{
    (void)cookie;
    closed_count++;
}

static void teardown(void)
{
    cr_assert_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    cr_expect_eq(closed_count, 1);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(offload, .init = setup, .fini = teardown, .timeout = 20);

static void work(void *cookie)
{
    (void)cookie;
    if (!pthread_equal(pthread_self(), loops_thread))
        __atomic_add_fetch(&elsewhere, 1, __ATOMIC_RELAXED);
    usleep(1000);
}

static void done(void *cookie)
{
    (void)cookie;
    cr_expect(pthread_equal(pthread_self(), loops_thread));
    done_count++;
}

Test(offload, works_elsewhere_and_comes_back)
{
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(offload_run(o, work, done, NULL), RESULT_OK);
    cr_expect_eq(done_count, 0, "never from within");
    while (done_count < 20)
        uv_run(&loop, UV_RUN_ONCE);
    cr_expect_eq(elsewhere, 20);
    offload_close(o, on_closed, NULL);
}

Test(offload, has_a_bound)
{
    for (unsigned i = 0; i < OFFLOAD_MAX; i++)
        cr_assert_eq(offload_run(o, work, done, NULL), RESULT_OK);
    cr_expect_eq(offload_run(o, work, done, NULL), RESULT_FULL);
    offload_close(o, on_closed, NULL);
}

Test(offload, closes_when_what_is_under_way_is_done_and_takes_no_more)
{
    cr_assert_eq(offload_run(o, work, done, NULL), RESULT_OK);
    offload_close(o, on_closed, NULL);
    cr_expect_eq(offload_run(o, work, done, NULL), RESULT_CLOSED);
    cr_expect_eq(closed_count, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect(done_count == 1 && closed_count == 1);
}
