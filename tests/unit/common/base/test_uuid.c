#include "uuid.h"

#include <criterion/criterion.h>

/* RFC 9562, A.6; the bits that the version and variant replace are set here. */
Test(uuid, version_7_is_the_example_of_the_rfc, .timeout = 5)
{
    static const uint8_t random[10] = { 0xfc, 0xc3, 0xd8, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f };
    struct uuid u = uuid_v7(UINT64_C(0x017f22e279b0), random);
    char text[UUID_TEXT_LEN + 1];

    uuid_format(&u, text);
    cr_assert_str_eq(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    cr_assert_eq(uuid_time_ms(&u), UINT64_C(1645557742000));
}

/* RFC 9562, B.1. */
Test(uuid, version_8_is_the_example_of_the_rfc, .timeout = 5)
{
    static const uint8_t custom[16] = { 0x24, 0x89, 0xe9, 0xad, 0x2e, 0xe2, 0x0e, 0x00, 0xce, 0xc9, 0x32, 0xd5, 0xf6, 0x91, 0x81, 0xc0 };
    struct uuid u = uuid_v8(custom);
    char text[UUID_TEXT_LEN + 1];

    uuid_format(&u, text);
    cr_assert_str_eq(text, "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0");
}

Test(uuid, text_leads_back_to_the_same_bytes, .timeout = 5)
{
    static const char *const texts[] = {
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "c232ab00-9414-11ec-b3c8-9f6bdeced846",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[UUID_TEXT_LEN + 1];
        struct uuid u;
        cr_assert_eq(uuid_parse(text_of(texts[i]), &u), RESULT_OK);
        uuid_format(&u, text);
        cr_assert_str_eq(text, texts[i]);
    }
}

Test(uuid, of_any_other_form_is_refused, .timeout = 5)
{
    static const char *const texts[] = {
        "", "C232AB00-9414-11EC-B3C8-9F6BDECED846", "c232ab0009414-11ec-b3c8-9f6bdeced846", "{232ab00-9414-11ec-b3c8-9f6bdeced84}",
        "c232ab00-9414-11ec-b3c8-9f6bdeced84", "c232ab00-9414-11ec-b3c8-9f6bdeced8460", "c232ab00-9414-11ec-b3c8-9f6bdeced84g",
        "c232ab00941411ecb3c89f6bdeced846", "c232ab00-9414-11ec-b3c8_9f6bdeced846", "c232ab0-09414-11ec-b3c8-9f6bdeced846",
        " 232ab00-9414-11ec-b3c8-9f6bdeced846", "-c232ab0-9414-11ec-b3c8-9f6bdeced846",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct uuid u = { { 7 } };
        cr_assert_eq(uuid_parse(text_of(texts[i]), &u), RESULT_MALFORMED, "%s", texts[i]);
        cr_assert_eq(u.bytes[0], 7, "touched by %s", texts[i]);
    }
}
