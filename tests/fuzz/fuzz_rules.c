/* Rule files: whatever they hold is taken whole or refused with a reason, and what is taken can watch a log. */
#include "detector.h"
#include "rules_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum result found(void *cookie, const struct finding *f)
{
    (void)cookie;
    if (f->raised && (f->seq_count == 0 || f->episode->count < f->rule->least || f->last_seen - f->first_seen > f->rule->timespan_ms))
        abort();
    return RESULT_OK;
}

static void watch(const struct rule_set *set)
{
    static const struct text VALUES[] = { TEXT(""), TEXT("auth.login"), TEXT("u-1"), TEXT("*\\?") };
    static const uint8_t KEY[32], SEED[16];
    struct detector *d;

    if (detector_new(set, KEY, SEED, &d))
        return;
    for (uint64_t i = 0; i < 24; i++) {
        const struct event_attr attr = { VALUES[i % 3], { .type = MP_INT, .sint = -(int64_t)i - 1 } };
        const struct log_record r = {
            .seq = i, .received = i * 1000, .src = VALUES[1],
            .event = { .type = VALUES[i % 4], .time = i / 8 * 100000, .outcome = (enum event_outcome)(i % 3), .user_id = VALUES[i / 2 % 4],
                       .tier = VALUES[i / 8 % 4], .attrs = &attr, .attr_count = 1 },
        };
        if (detector_feed(d, &r, found, NULL))
            abort();
    }
    detector_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rules_source source = { "fuzz", { data, size } };
    struct rule_set *set;
    struct buffer why;

    buffer_init(&why, 4 << 20);
    if (!rules_parse(&source, 1, &set, &why)) {
        watch(set);
        rule_set_free(set);
    } else if (why.len == 0) {
        abort();
    }
    buffer_free(&why);
    return 0;
}
