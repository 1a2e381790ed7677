#include "peers.h"

#include <stdio.h>
#include <stdlib.h>

void peers_init(struct peers *ps, struct text prefix, struct metrics *metrics)
{
    *ps = (struct peers){ .prefix = prefix, .metrics = metrics };
    ps->last = &ps->first;
}

static struct peer *find(const struct peers *ps, struct text name)
{
    for (struct peer *p = ps->first; p; p = p->next)
        if (text_equal(text_of(p->name), name))
            return p;
    return NULL;
}

static enum result publish(struct peers *ps, struct peer *p)
{
    char labels[sizeof("src=\"\"") + ENVELOPE_NAME_MAX];
    enum result r;

    if (!ps->metrics)
        return RESULT_OK;
    snprintf(labels, sizeof(labels), "src=\"%s\"", p->name);
    if ((r = metrics_counter(ps->metrics, "hlidka_bus_expired_total", "Messages dropped because their deadline had passed.",
                             labels, &p->expired)))
        return r;
    return metrics_gauge(ps->metrics, "hlidka_bus_clock_skew_seconds", "Median of our clock less the sender's, over recent messages.",
                         labels, &p->skew_s);
}

enum result peers_add(struct peers *ps, struct text name, struct peer **out)
{
    enum result r;

    if ((*out = find(ps, name)))
        return RESULT_OK;
    if (name.len > ENVELOPE_NAME_MAX)
        return RESULT_OUT_OF_RANGE;
    if (ps->count == PEERS_MAX)
        return RESULT_FULL;
    struct peer *p = calloc(1, sizeof(*p));
    if (!p)
        return RESULT_NO_MEMORY;
    memcpy(p->name, name.data, name.len);
    clock_watch_init(&p->clock);
    if (asprintf(&p->reply_topic, "%.*sreplies.%s", TEXT_ARG(ps->prefix), p->name) < 0) {
        free(p);
        return RESULT_NO_MEMORY;
    }
    /* From here on it stays, even when its numbers cannot be shown: the registry may hold one of them. */
    *ps->last = p;
    ps->last = &p->next;
    ps->count++;
    if ((r = publish(ps, p)) && r != RESULT_FULL)
        return r;
    *out = p;
    return RESULT_OK;
}

struct peer *peers_by_topic(const struct peers *ps, struct text topic)
{
    static const struct text REPLIES = { "replies.", sizeof("replies.") - 1 };
    struct text rest = topic;

    if (!text_starts(rest, ps->prefix))
        return NULL;
    rest = (struct text){ rest.data + ps->prefix.len, rest.len - ps->prefix.len };
    if (!text_starts(rest, REPLIES))
        return NULL;
    return find(ps, (struct text){ rest.data + REPLIES.len, rest.len - REPLIES.len });
}

void peers_collect(struct peers *ps)
{
    for (struct peer *p = ps->first; p; p = p->next)
        p->skew_s = (double)clock_watch_median_ms(&p->clock) / 1000;
}

void peers_release(struct peers *ps)
{
    for (struct peer *p = ps->first; p; p = p->next)
        if (p->handle) {
            rd_kafka_topic_destroy(p->handle);
            p->handle = NULL;
        }
}

void peers_free(struct peers *ps)
{
    for (struct peer *p = ps->first, *next; p; p = next) {
        next = p->next;
        free(p->reply_topic);
        free(p);
    }
    peers_init(ps, ps->prefix, ps->metrics);
}
