#include "said.h"

#include <criterion/criterion.h>

Test(said, a_reason_is_news_once_until_it_has_passed_or_another_came)
{
    uint64_t said = 0;

    cr_expect(said_anew(&said, RESULT_MALFORMED, TEXT("line 3: what")));
    cr_expect(!said_anew(&said, RESULT_MALFORMED, TEXT("line 3: what")));
    cr_expect(said_anew(&said, RESULT_MALFORMED, TEXT("line 4: what")));
    cr_expect(said_anew(&said, RESULT_IO, TEXT("line 4: what")));
    cr_expect(said_anew(&said, RESULT_IO, ((struct text){ NULL, 0 })), "no reason is one too");
    cr_expect(!said_anew(&said, RESULT_IO, ((struct text){ NULL, 0 })));
    said = 0;
    cr_expect(said_anew(&said, RESULT_IO, ((struct text){ NULL, 0 })));
}
