#include "secret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* AddressSanitizer makes mlock do nothing, so there only the flag for core dumps can be seen. */
#if defined(__SANITIZE_ADDRESS__)
#define MLOCK_WORKS false
#else
#define MLOCK_WORKS true
#endif

/* Whether the mapping that holds p is locked, and left out of core dumps (/proc/self/smaps: VmFlags lo and dd). */
static bool is_protected(const void *p)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    bool inside = false, found = false;
    char line[512];

    cr_assert_not_null(maps);
    while (!found && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            inside = (uintptr_t)p >= start && (uintptr_t)p < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, " dd") && (!MLOCK_WORKS || strstr(line, " lo"));
    }
    fclose(maps);
    return found;
}

Test(secret, of_any_size_is_locked_and_not_dumped, .timeout = 10)
{
    static const size_t sizes[] = { 0, 1, 32, 64, 65, 4096, 4097, 65537 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct secret *s;
        cr_assert_eq(secret_new(sizes[i], &s), RESULT_OK);
        struct bytes b = secret_bytes(s);
        cr_assert_eq(b.len, sizes[i]);
        cr_assert(is_protected(b.data), "%zu bytes", sizes[i]);
        for (size_t k = 0; k < b.len; k++)
            cr_assert_eq(b.data[k], 0);
        secret_free(s);
    }
    secret_free(NULL);
}

Test(secret, holds_a_copy, .timeout = 5)
{
    char key[] = "0123456789abcdef0123456789abcdef";
    struct secret *s;

    cr_assert_eq(secret_from(key, 32, &s), RESULT_OK);
    secret_wipe(key, sizeof(key));
    cr_assert_eq(key[0], 0);
    cr_assert_arr_eq(secret_bytes(s).data, "0123456789abcdef0123456789abcdef", 32);
    secret_fill(s)[0] = 'x';
    cr_assert_eq(secret_bytes(s).data[0], 'x');
    secret_free(s);
}

Test(secret, equals_only_the_same_bytes, .timeout = 5)
{
    struct secret *s, *empty;

    cr_assert_eq(secret_from("abcd", 4, &s), RESULT_OK);
    cr_assert_eq(secret_from(NULL, 0, &empty), RESULT_OK);
    cr_assert(secret_equal(s, text_bytes(TEXT("abcd"))));
    cr_assert(!secret_equal(s, text_bytes(TEXT("abce"))));
    cr_assert(!secret_equal(s, text_bytes(TEXT("abc"))));
    cr_assert(!secret_equal(s, text_bytes(TEXT("abcde"))));
    cr_assert(!secret_equal(s, (struct bytes){ NULL, 0 }));
    cr_assert(secret_equal(empty, (struct bytes){ NULL, 0 }));
    secret_free(s);
    secret_free(empty);
}

/* 1,000 keys are 16 shared pages; a mapping each would be over the usual limit of 8 MiB with 3,000. */
Test(secret, of_a_keys_size_shares_pages_without_overlap, .timeout = 10)
{
    enum { COUNT = 1000 };
    struct secret *all[COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_eq(secret_new(64, &all[i]), RESULT_OK);
        memset(secret_fill(all[i]), (int)(i % 251), 64);
    }
    for (unsigned i = 0; i < COUNT; i += 2)
        secret_free(all[i]);
    for (unsigned i = 0; i < COUNT; i += 2) {
        cr_assert_eq(secret_new(40, &all[i]), RESULT_OK);
        for (unsigned k = 0; k < 40; k++)
            cr_assert_eq(secret_bytes(all[i]).data[k], 0, "a used cell must come back wiped");
        memset(secret_fill(all[i]), (int)(i % 251), 40);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        struct bytes b = secret_bytes(all[i]);
        for (size_t k = 0; k < b.len; k++)
            cr_assert_eq(b.data[k], i % 251, "secret %u", i);
        secret_free(all[i]);
    }
}

Test(secret, that_cannot_be_locked_is_refused, .timeout = 5)
{
    struct rlimit none = { 0, 0 };
    struct secret *s = NULL;

    if (!MLOCK_WORKS)
        cr_skip_test("AddressSanitizer takes mlock away");
    /* Root may lock whatever the limit says, so stop being root. */
    if (geteuid() == 0)
        cr_assert_eq(setresuid(65534, 65534, 65534), 0);
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    cr_assert_eq(secret_new(32, &s), RESULT_NO_MEMORY);
    cr_assert_eq(secret_new(5000, &s), RESULT_NO_MEMORY);
    cr_assert_eq(secret_new(SIZE_MAX - 100, &s), RESULT_NO_MEMORY);
    cr_assert_null(s);
}
