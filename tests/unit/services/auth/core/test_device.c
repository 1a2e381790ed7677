#include "device.h"

#include <criterion/criterion.h>

static struct buffer out;

static void setup(void)
{
    buffer_init(&out, DEVICE_ENCODED_MAX);
}

static void teardown(void)
{
    buffer_free(&out);
}

TestSuite(device, .init = setup, .fini = teardown, .timeout = 10);

static const struct {
    const char *info, *id, *ip;
} DEVICES[] = {
    { "Firefox 145 on Linux", NULL, NULL },
    { "", "", NULL },
    { "iPhone 17", "laptop-1", "2001:db8::9" },
    { "Jiřina's", NULL, "192.0.2.9" },
};

Test(device, comes_back_as_it_was)
{
    for (size_t i = 0; i < sizeof(DEVICES) / sizeof(DEVICES[0]); i++) {
        struct device d = { .info = text_of(DEVICES[i].info) }, back;

        if (DEVICES[i].id)
            d.id = text_of(DEVICES[i].id);
        if (DEVICES[i].ip)
            cr_assert_eq(ip_parse(text_of(DEVICES[i].ip), &d.ip), RESULT_OK);
        buffer_reset(&out);
        cr_assert_eq(device_encode(&d, &out), RESULT_OK);
        cr_assert_eq(device_decode(buffer_bytes(&out), &back), RESULT_OK, "%zu", i);
        cr_expect(text_equal(back.info, d.info) && text_equal(back.id, d.id) && !back.id.data == !d.id.data, "%zu", i);
        cr_expect(memcmp(&back.ip, &d.ip, sizeof(d.ip)) == 0, "%zu", i);
    }
}

Test(device, the_longest_of_the_wire_fits)
{
    char info[256], id[64];
    struct device d = { .info = { info, sizeof(info) }, .id = { id, sizeof(id) } };

    memset(info, 'i', sizeof(info));
    memset(id, 'd', sizeof(id));
    cr_assert_eq(ip_parse(TEXT("1111:2222:3333:4444:5555:6666:7777:8888"), &d.ip), RESULT_OK);
    cr_expect_eq(device_encode(&d, &out), RESULT_OK);
}

Test(device, what_is_cut_or_of_another_form_is_refused)
{
    struct device d = { .info = TEXT("x"), .id = TEXT("y") };

    cr_assert_eq(ip_parse(TEXT("192.0.2.9"), &d.ip), RESULT_OK);
    cr_assert_eq(device_encode(&d, &out), RESULT_OK);
    for (size_t len = 0; len < out.len; len++)
        cr_expect_neq(device_decode((struct bytes){ out.data, len }, &d), RESULT_OK, "%zu", len);
    static const char *const forms[] = {
        "\x94\x02\xa1x\xc0\xc0",        /* another version */
        "\x94\x01\xc0\xc0\xc0",         /* no info */
        "\x94\x01\xa1x\x01\xc0",        /* an id that is none */
        "\x94\x01\xa1x\xc0\xa1z",       /* an address that is none */
        "\x93\x01\xa1x\xc0",            /* too few */
        "\xa1x",
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        cr_expect_neq(device_decode(text_bytes(text_of(forms[i])), &d), RESULT_OK, "%zu", i);
}
