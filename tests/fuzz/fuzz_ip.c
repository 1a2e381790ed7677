/* An address that is accepted has one canonical text, which is accepted and means the same. */
#include "ip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    char text[IP_TEXT_MAX + 1], again[IP_TEXT_MAX + 1];
    struct ip ip, back;

    if (ip_parse((struct text){ (const char *)data, len }, &ip))
        return 0;
    require(ip.family == 4 || (ip.family == 6 && memcmp(ip.bytes, mapped, sizeof(mapped)) != 0));
    size_t text_len = ip_format(&ip, text);
    require(text_len == strlen(text) && text_len <= IP_TEXT_MAX);
    require(ip_parse((struct text){ text, text_len }, &back) == RESULT_OK);
    require(memcmp(&ip, &back, sizeof(ip)) == 0);
    require(ip_format(&back, again) == text_len && strcmp(text, again) == 0);
    return 0;
}
