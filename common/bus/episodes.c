#include "episodes.h"

#include <stdlib.h>

struct episode {
    bool running;
    enum dead_reason reason;
    char src[ENVELOPE_NAME_MAX];
    size_t src_len;
    uint64_t last_ms;           /* the newest rejection */
    uint64_t told_ms;
    uint64_t untold;            /* rejections since then */
};

struct episodes {
    episode_teller tell;
    void *cookie;
    struct episode of_nobody[DEAD_REASONS];     /* src "-": a place for each reason, so there is always one */
    struct episode of_known[EPISODES_MAX];
};

const char *episode_phase_text(enum episode_phase p)
{
    static const char *const texts[] = { "start", "running", "end" };

    return texts[p];
}

enum result episodes_new(episode_teller tell, void *cookie, struct episodes **out)
{
    struct episodes *e = calloc(1, sizeof(*e));

    if (!e)
        return RESULT_NO_MEMORY;
    e->tell = tell;
    e->cookie = cookie;
    *out = e;
    return RESULT_OK;
}

void episodes_free(struct episodes *e)
{
    free(e);
}

static void tell(struct episodes *e, struct episode *of, enum episode_phase phase, uint64_t now_ms)
{
    const struct episode told = *of;
    const struct episode_report report = {
        .reason = told.reason,
        .src = { told.src, told.src_len },
        .count = told.untold,
        .phase = phase,
    };

    of->untold = 0;
    of->told_ms = now_ms;
    of->running = phase != EPISODE_END;
    e->tell(e->cookie, &report);
}

/* The running episode of that reason and source, else a free place for it, else nobody's. */
static struct episode *place_for(struct episodes *e, enum dead_reason reason, struct text src)
{
    struct episode *vacant = NULL;

    if (src.len == 0 || src.len > ENVELOPE_NAME_MAX)
        return &e->of_nobody[reason];
    for (size_t i = 0; i < EPISODES_MAX; i++) {
        struct episode *of = &e->of_known[i];

        if (!of->running)
            vacant = vacant ? vacant : of;
        else if (of->reason == reason && text_equal((struct text){ of->src, of->src_len }, src))
            return of;
    }
    return vacant ? vacant : &e->of_nobody[reason];
}

static void begin(struct episode *of, enum dead_reason reason, struct text src, bool known)
{
    struct text name = known ? src : TEXT("-");

    *of = (struct episode){ .running = true, .reason = reason, .src_len = name.len };
    memcpy(of->src, name.data, name.len);
}

void episodes_add(struct episodes *e, enum dead_reason reason, struct text src, uint64_t now_ms)
{
    struct episode *of = place_for(e, reason, src);
    bool starts = !of->running;

    if (starts)
        begin(of, reason, src, of != &e->of_nobody[reason]);
    of->last_ms = now_ms;
    of->untold++;
    if (starts)
        tell(e, of, EPISODE_START, now_ms);
}

static void look_at(struct episodes *e, struct episode *of, uint64_t now_ms)
{
    if (!of->running)
        return;
    if (now_ms - of->last_ms >= EPISODE_SILENCE_MS)
        tell(e, of, EPISODE_END, now_ms);
    else if (now_ms - of->told_ms >= EPISODE_MINUTE_MS)
        tell(e, of, EPISODE_RUNNING, now_ms);
}

void episodes_tick(struct episodes *e, uint64_t now_ms)
{
    for (size_t i = 0; i < DEAD_REASONS; i++)
        look_at(e, &e->of_nobody[i], now_ms);
    for (size_t i = 0; i < EPISODES_MAX; i++)
        look_at(e, &e->of_known[i], now_ms);
}

void episodes_end(struct episodes *e)
{
    for (size_t i = 0; i < DEAD_REASONS; i++) {
        if (e->of_nobody[i].running)
            tell(e, &e->of_nobody[i], EPISODE_END, e->of_nobody[i].told_ms);
    }
    for (size_t i = 0; i < EPISODES_MAX; i++) {
        if (e->of_known[i].running)
            tell(e, &e->of_known[i], EPISODE_END, e->of_known[i].told_ms);
    }
}

size_t episodes_count(const struct episodes *e)
{
    size_t n = 0;

    for (size_t i = 0; i < DEAD_REASONS; i++)
        n += e->of_nobody[i].running;
    for (size_t i = 0; i < EPISODES_MAX; i++)
        n += e->of_known[i].running;
    return n;
}
