#include "entropy.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Test(entropy, starts_more_than_once, .timeout = 5)
{
    cr_assert_eq(entropy_start(), RESULT_OK);
    cr_assert_eq(entropy_start(), RESULT_OK);
}

Test(entropy, fills_all_of_it_and_differs_each_time, .timeout = 5)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 }, zero[16] = { 0 };

    entropy_fill(a, sizeof(a));
    entropy_fill(b, sizeof(b));
    cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
    for (size_t i = 0; i < sizeof(a); i += sizeof(zero))
        cr_assert_neq(memcmp(a + i, zero, sizeof(zero)), 0);
    entropy_fill(a, 0);
}

Test(entropy, public_draws_differ_over_many_refills, .timeout = 5)
{
    unsigned char last[24], next[24];

    cr_assert_eq(entropy_start(), RESULT_OK);
    entropy_public(last, sizeof(last));
    for (int i = 0; i < 1000; i++) {
        entropy_public(next, sizeof(next));
        cr_assert_neq(memcmp(last, next, sizeof(next)), 0);
        memcpy(last, next, sizeof(last));
    }
}

/* The same nonce in two processes that share a key would open both boxes. */
Test(entropy, a_child_draws_nothing_that_its_parent_draws, .timeout = 5)
{
    unsigned char ours[24], theirs[24];
    int ends[2];

    cr_assert_eq(entropy_start(), RESULT_OK);
    entropy_public(ours, sizeof(ours));         /* there is a pool to inherit */
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        entropy_public(theirs, sizeof(theirs));
        _exit(write(ends[1], theirs, sizeof(theirs)) != sizeof(theirs));
    }
    entropy_public(ours, sizeof(ours));
    cr_assert_eq(read(ends[0], theirs, sizeof(theirs)), (ssize_t)sizeof(theirs));
    cr_assert_neq(memcmp(ours, theirs, sizeof(ours)), 0);
    waitpid(child, NULL, 0);
}
