#include "service_double.h"

#include <stdio.h>

void service_double(struct service *s, struct uv_loop_s *loop, const char *name)
{
    *s = (struct service){ .loop = loop };
    snprintf(s->name, sizeof(s->name), "%s", name);
}

struct uv_loop_s *service_loop(struct service *s)
{
    return s->loop;
}

struct metrics *service_metrics(struct service *s)
{
    return s->metrics;
}

struct bus *service_bus(struct service *s)
{
    return s->bus ? *s->bus : NULL;
}

const char *service_instance(const struct service *s)
{
    return s->name;
}

struct service_identity service_identity(const struct service *s)
{
    return s->identity;
}

void service_hold(struct service *s, bool hold)
{
    s->held = hold;
}

void service_give_up(struct service *s, const char *why)
{
    (void)why;
    s->given_up = true;
}
