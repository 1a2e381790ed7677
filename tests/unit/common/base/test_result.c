#include "result.h"

#include <criterion/criterion.h>

Test(result, has_a_text_for_every_value, .timeout = 5)
{
    for (int i = RESULT_OK; i <= RESULT_INTERNAL; i++) {
        for (int k = RESULT_OK; k < i; k++)
            cr_assert_str_neq(result_text((enum result)i), result_text((enum result)k));
    }
    cr_assert_str_eq(result_text(RESULT_OK), "ok");
    cr_assert_str_eq(result_text((enum result)1000), "unknown result");
}
