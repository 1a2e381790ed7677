#include "tour.h"

#include <stdarg.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "connect.h"
#include "entropy.h"
#include "uuid.h"

#define DEADLINE_MS 4000

static void answered(void *cookie, const struct hlidka_reply *reply)
{
    struct tour *t = cookie;

    t->answered = true;
    t->code = connect_exit_code(t->client, reply);
    memcpy(t->id, reply->id, sizeof(t->id));
    buffer_reset(&t->answer);
    snprintf(t->fault, sizeof(t->fault), "%s", reply->code);
    snprintf(t->status, sizeof(t->status), "%u %s %s", reply->status, reply->code, hlidka_status_text(reply->outcome));
    if (reply->outcome == HLIDKA_OK && buffer_append(&t->answer, reply->result.data, reply->result.len))
        t->code = EXIT_USAGE;
}

int tour_ask(struct tour *t, const struct tour_question *q)
{
    t->answered = false;
    enum hlidka_status s = hlidka_call(t->client, &(struct hlidka_request){
        .op = q->op, .body = hlidka_body_bytes(q->body), .deadline_ms = DEADLINE_MS, .id = q->id, .key = q->key,
    }, answered, t, NULL);
    hlidka_body_free(q->body);
    if (s)
        return connect_refused(s);
    while (!t->answered)
        uv_run(&t->loop, UV_RUN_ONCE);
    if (q->refusal && t->code == EXIT_REFUSED && strcmp(t->fault, q->refusal) == 0)
        return EXIT_DONE;
    if (q->refusal && t->code == EXIT_DONE)
        t->code = EXIT_REFUSED;
    if (t->code)
        complain("%s: %s%s%s", q->op, t->status, q->refusal ? "; it had to be " : "", q->refusal ? q->refusal : "");
    return t->code;
}

struct hlidka_value tour_got(const struct tour *t, const char *name)
{
    return hlidka_get((struct hlidka_bytes){ t->answer.data, t->answer.len }, name);
}

bool tour_is(struct hlidka_value v, const char *text)
{
    return v.type == HLIDKA_TEXT && v.len == strlen(text) && memcmp(v.text, text, v.len) == 0;
}

void tour_copy(struct hlidka_value v, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)v.len, v.text);
}

int tour_wrong(const char *what)
{
    complain("%s", what);
    return EXIT_REFUSED;
}

void tour_step(uint64_t began_ns, const char *format, ...)
{
    double took_ms = (double)(clock_boot_ns() - began_ns) / 1e6;
    char what[160];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    printf("%-84s %8.1f ms\n", what, took_ms);
    fflush(stdout);
}

int tour_plant(struct tour *t, const char *name, struct bytes canary)
{
    if (!t->canaries)
        return EXIT_DONE;
    fprintf(t->canaries, "%s ", name);
    for (size_t i = 0; i < canary.len; i++)
        fprintf(t->canaries, "%02x", canary.data[i]);
    fputc('\n', t->canaries);
    if (fflush(t->canaries)) {
        complain("the list of canaries cannot be written");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

void tour_new_name(const char *prefix, char out[TOUR_NAME_MAX])
{
    uint8_t random[10];
    char text[UUID_TEXT_LEN + 1];

    entropy_fill(random, sizeof(random));
    struct uuid u = uuid_v7(clock_unix_ms(), random);
    uuid_format(&u, text);
    snprintf(out, TOUR_NAME_MAX, "%s-%s", prefix, text);
}

/* An answer from each, whatever it says: the first one on topics that were made a moment ago may take long. */
int tour_wake(struct tour *t)
{
    static const struct {
        const char *op, *refusal, *field, *value;
    } QUESTIONS[] = {
        { "ratelimit.policies", NULL, NULL, NULL },
        { "auth.user.get", "not_found", "user_id", "nobody" },
        { "crypto.audio.stat", "not_found", "object_id", "00000000-0000-7000-8000-000000000000" },
    };
    uint64_t began = clock_boot_ns();
    int code = EXIT_DONE;

    for (size_t q = 0; q < sizeof(QUESTIONS) / sizeof(QUESTIONS[0]) && !code; q++) {
        code = EXIT_NO_ANSWER;
        for (int i = 0; i < 3 && code == EXIT_NO_ANSWER; i++) {
            struct hlidka_body *body = hlidka_body_new();
            if (QUESTIONS[q].field)
                hlidka_put_text(body, QUESTIONS[q].field, QUESTIONS[q].value);
            code = tour_ask(t, &(struct tour_question){ .op = QUESTIONS[q].op, .body = body, .refusal = QUESTIONS[q].refusal });
        }
    }
    if (!code)
        tour_step(began, "ratelimit, auth and crypto answer, sealed");
    return code;
}
