#include "query_filters.h"

size_t query_filters_text(unsigned filters, char out[QUERY_FILTERS_TEXT_MAX])
{
    static const struct {
        enum query_filter bit;
        struct text name;
    } NAMES[] = { { FILTER_TYPE, TEXT("type") }, { FILTER_USER_ID, TEXT("user_id") }, { FILTER_IP, TEXT("ip") },
                  { FILTER_OUTCOME, TEXT("outcome") } };
    size_t len = 0;

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (!(filters & NAMES[i].bit))
            continue;
        if (len > 0)
            out[len++] = ',';
        memcpy(out + len, NAMES[i].name.data, NAMES[i].name.len);
        len += NAMES[i].name.len;
    }
    return len;
}
