/* The service as its handlers see it. main.c makes it. */
#ifndef HLIDKA_AUDITOR_H
#define HLIDKA_AUDITOR_H

#include "leader.h"
#include "request.h"
#include "log_store.h"

struct alert_log;
struct durable;

struct auditor {
    struct audit_keys keys;             /* empty until the data key is open, before which no request comes */
    struct log_store store;
    struct leader *leader;
    struct alert_log *alerts;
    struct durable *durable;
};

/* op -> handler. */
extern const struct route audit_routes[];
extern const size_t audit_route_count;

void handle_alert_list(void *service, struct request *rq);
void handle_alert_acknowledge(void *service, struct request *rq);
void handle_rules(void *service, struct request *rq);
void handle_query(void *service, struct request *rq);

/* 400 bad_format at /cursor, of every op that pages (handle_query.c). */
void audit_refuse_cursor(struct request *rq);

#endif
