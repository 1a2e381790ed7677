#include "topic_plan.h"

#include <criterion/criterion.h>

static const struct topic *find(const struct topic_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    }
    return NULL;
}

Test(topic_plan, the_list_is_the_contract, .timeout = 5)
{
    static const struct {
        const char *name;
        int partitions;
        const char *kept_ms;
    } CASES[] = {
        { "x.auth.requests", 6, "3600000" },       { "x.ratelimit.requests", 6, "600000" },
        { "x.replies.backend", 6, "600000" },      { "x.audit.events", 6, "604800000" },
        { "x.audit.alerts", 6, "2592000000" },     { "x.audit.checkpoints", 1, "31536000000" },
        { "x.auth.revocations", 1, "3600000" },    { "x.crypto.dead", 6, "259200000" },
    };
    const struct text principals[] = { TEXT("backend"), TEXT("ops") };
    struct topic_list list;

    cr_assert_not(topics_list(TEXT("x."), principals, 2, 6, &list));
    cr_assert_eq(list.count, 14);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct topic *t = find(&list, CASES[i].name);
        cr_assert(t, "%s", CASES[i].name);
        cr_assert_eq(t->partitions, CASES[i].partitions, "%s", CASES[i].name);
        cr_assert_str_eq(topic_wants(t, "retention.ms"), CASES[i].kept_ms);
        cr_assert_str_eq(topic_wants(t, "compression.type"), "uncompressed");
        cr_assert_str_eq(topic_wants(t, "max.message.bytes"), "1048588");
    }
    cr_assert_str_eq(topic_wants(find(&list, "x.crypto.dead"), "retention.bytes"), "1073741824");
    cr_assert_null(topic_wants(find(&list, "x.audit.events"), "retention.bytes"));
    topics_free(&list);
}
