/* Reading the log: one page of what a query's filters say, opened and checked. */
#ifndef HLIDKA_LOG_QUERY_H
#define HLIDKA_LOG_QUERY_H

#include "entry.h"
#include "log_store.h"

struct query {
    uint64_t from, to;                  /* from ≤ time < to */
    struct text type_least, type_most;  /* data NULL: any type; equal: that one */
    const struct subject_hash *user, *ip;   /* NULL: any */
    bool has_outcome;
    enum event_outcome outcome;
    uint64_t below;                     /* seq */
    size_t limit;
    size_t bytes;                       /* of payloads, at most; at least one record is given */
    /* To be told as audit.queried. src empty: not. */
    struct text src;
    uint64_t minute;
    unsigned filters;
};

struct found {
    struct entry entry;
    bool erased;                        /* event has nothing then */
    struct log_event event;
};

struct page {
    const struct found *found;          /* newest first */
    size_t count;
    bool more;                          /* there is at least one beyond */
    uint64_t tampered;                  /* STORE_TAMPERED: seq of the record that is not what was written */
};

/* Texts of q are copied. page is borrowed for the call. */
MUST_USE enum result log_store_query(struct log_store *s, const struct query *q, uint64_t timeout_ms,
                                 void (*done)(void *cookie, enum store_outcome o, const struct page *page), void *cookie);

#endif
