/* What has become of alerts: reading them, and saying that somebody has seen one. */
#ifndef HLIDKA_ALERT_LIST_H
#define HLIDKA_ALERT_LIST_H

#include "log_store.h"

struct durable;
struct request;

struct alert_query {
    uint64_t from, to;                  /* from ≤ time < to */
    struct text rule;                   /* data NULL: any */
    bool has_state, acknowledged;
    uint64_t below;                     /* number of the alert that ended the page before; INT64_MAX: none */
    size_t limit;
    size_t bytes;                       /* of bodies, at most; at least one alert is given */
};

/* Borrowed from the row. */
struct kept_alert {
    struct uuid alert_id;
    uint64_t n;
    struct bytes body;                  /* as sent */
    uint64_t last, count;               /* of the episode, by now */
    bool acknowledged;
    uint64_t acknowledged_at;
    struct text acknowledged_by;
    struct bytes note;                  /* sealed; data NULL: none */
};

struct alert_page {
    const struct kept_alert *alerts;    /* newest first by time, then n */
    size_t count;
    bool more;
    bool lost;                          /* the alert that ended the page before is not there any more: no page */
};

/* Texts of q are copied. page is borrowed for the call. */
MUST_USE enum result alert_list_read(struct log_store *s, const struct alert_query *q, uint64_t timeout_ms,
                                     void (*done)(void *cookie, enum store_outcome o, const struct alert_page *page), void *cookie);

/* Answers an audit.alert.acknowledge. */
void alert_list_acknowledge(struct durable *d, const struct audit_keys *keys, struct request *rq);

#endif
