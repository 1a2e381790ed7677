#include "health.h"

#include "ready_probe.h"

#include <stdio.h>

#define PATIENCE_MS 3000
#define ANSWER_MAX  65536

int health_ask(const char *admin)
{
    struct buffer answer;

    buffer_init(&answer, ANSWER_MAX);
    enum result r = probe_ready(admin, PATIENCE_MS, &answer);
    printf("%.*s", (int)answer.len, answer.data ? (const char *)answer.data : "");
    if (r && r != RESULT_UNAVAILABLE)
        printf("%s: %s\n", admin, result_text(r));
    buffer_free(&answer);
    return r ? 1 : 0;
}
