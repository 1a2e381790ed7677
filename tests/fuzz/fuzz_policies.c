/* The policy file: whatever it holds is taken whole or refused with a reason, and what is taken can be matched. */
#include "match.h"
#include "policies_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ENDPOINTS[] = { "a", "lessons.create", "lessons.x", "chat.message" };
    static const char *const TIERS[] = { "default", "free", "premium" };
    struct policies *p = NULL;
    struct buffer why;
    struct match m;

    if (size == 0)
        return 0;
    buffer_init(&why, 1 << 20);
    if (policies_parse((struct bytes){ data, size }, "fuzz", &p, &why)) {
        if (why.len == 0)
            abort();
        buffer_free(&why);
        return 0;
    }
    for (size_t e = 0; e < sizeof(ENDPOINTS) / sizeof(ENDPOINTS[0]); e++)
        for (size_t t = 0; t < sizeof(TIERS) / sizeof(TIERS[0]); t++) {
            match_find(p, text_of(ENDPOINTS[e]), text_of(TIERS[t]), &m);
            for (size_t i = 0; i < m.count; i++)
                if (m.items[i] >= p->count || p->items[m.items[i]].limit == 0 || p->items[m.items[i]].window_us == 0)
                    abort();
        }
    policies_release(p);
    buffer_free(&why);
    return 0;
}
