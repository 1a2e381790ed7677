#include "probe.h"

#include <stdlib.h>

#define PROTO_DEF "probe.def"
#include "tables.h"

static void answer(struct probe *p, struct request *rq)
{
    const struct probe_request *in = request_body(rq);
    struct probe_result out = { .text = in->text, .count = p->begun };

    if (in->size > 0) {
        /* Not from the arena: a reply may be asked for that is larger than it gives. */
        uint8_t *pad = calloc(1, in->size);
        out.pad = (struct bytes){ pad, pad ? in->size : 0 };
        request_reply(rq, &out);
        free(pad);
        return;
    }
    request_reply(rq, &out);
}

static void echo(void *service, struct request *rq)
{
    struct probe *p = service;

    p->begun++;
    answer(p, rq);
}

static void keep(struct probe *p, struct request *rq, void (*finish)(struct probe *p, struct request *rq))
{
    p->begun++;
    if (p->held_count == PROBE_HELD_MAX)
        request_fail(rq, FAULT_INTERNAL, "the probe is full");
    else
        p->held[p->held_count++] = (struct probe_held){ rq, finish };
}

static void hold(void *service, struct request *rq)
{
    keep(service, rq, answer);
}

static struct probe_effect *find(struct probe *p, struct request *rq)
{
    struct text src = request_source(rq);

    for (size_t i = 0; i < p->effect_count; i++)
        if (memcmp(&p->effects[i].id, request_id(rq), sizeof(struct uuid)) == 0 && text_equal(text_of(p->effects[i].src), src))
            return &p->effects[i];
    return NULL;
}

static const uint8_t FINGERPRINT_KEY[32] = "of the tests, no secret";

/* What a store does: the effect and the record of it together, or the record of the first. */
static void effect(struct probe *p, struct request *rq)
{
    struct probe_effect *known = find(p, rq);
    uint8_t fingerprint[32];
    struct bytes sealed;

    p->at_once--;
    request_fingerprint(rq, FINGERPRINT_KEY, fingerprint);
    if (known) {
        if (memcmp(known->fingerprint, fingerprint, sizeof(fingerprint)) != 0)
            request_fail(rq, FAULT_CONFLICT, NULL);
        else
            request_send(rq, buffer_bytes(&known->reply));
        return;
    }
    struct probe_result out = { .count = p->effect_count };
    if (p->effect_count == PROBE_EFFECTS_MAX || request_seal(rq, &out, &sealed)) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    known = &p->effects[p->effect_count++];
    known->id = *request_id(rq);
    memcpy(known->src, request_source(rq).data, request_source(rq).len);
    memcpy(known->fingerprint, fingerprint, sizeof(fingerprint));
    buffer_init(&known->reply, 1000000);
    if (buffer_append(&known->reply, sealed.data, sealed.len))
        abort();
    request_send(rq, sealed);
}

static void once(void *service, struct request *rq)
{
    struct probe *p = service;

    if (++p->at_once > p->at_once_max)
        p->at_once_max = p->at_once;
    keep(p, rq, effect);
}

void probe_release(struct probe *p, size_t n)
{
    while (n-- > 0 && p->held_count > 0) {
        /* An answer may bring the next of its copies at once: the list is in order before it is given. */
        struct probe_held h = p->held[0];
        memmove(p->held, p->held + 1, --p->held_count * sizeof(p->held[0]));
        h.finish(p, h.rq);
    }
}

void probe_free(struct probe *p)
{
    for (size_t i = 0; i < p->effect_count; i++)
        buffer_free(&p->effects[i].reply);
    free(p);
}

const struct route probe_routes[] = {
    { &op_probe_echo, echo },
    { &op_probe_hold, hold },
    { &op_probe_slow, hold },
    { &op_probe_once, once },
};
const size_t probe_route_count = sizeof(probe_routes) / sizeof(probe_routes[0]);
