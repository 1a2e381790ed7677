/*
 * The watch that the rules keep over the log (watch.h): what they raise becomes a signed alert, a row of its episode and
 * a message of the outbox, in the transaction that stores the record which met the condition. So an alert is told once,
 * and under one number, whichever leader's transaction commits.
 *
 * Once a minute, by the log's clock, goes out a watchdog with the number of the last alert: who follows the topic
 * notices that alerts stay away, or that one was taken out.
 */
#ifndef HLIDKA_ALERT_LOG_H
#define HLIDKA_ALERT_LOG_H

#include "audit_keys.h"
#include "detector.h"
#include "metrics.h"
#include "watch.h"

struct alert_log;
struct durable;

struct alert_log_options {
    struct durable *durable;
    const struct audit_keys *keys;
    /* Signs ALERT_CONTEXT ‖ body by our first key, and says which that is. */
    enum result (*sign)(void *cookie, struct text context, struct bytes body, uint8_t key_id[8], uint8_t sig[64]);
    void *cookie;
};

/* Takes the rules over. RESULT_NO_MEMORY. */
MUST_USE enum result alert_log_new(const struct alert_log_options *options, struct rule_set *rules, struct alert_log **out);
void alert_log_free(struct alert_log *a);

struct watch alert_log_watch(struct alert_log *a);

/* Other rules, in force from the next `forget` on; taken over. */
void alert_log_adopt(struct alert_log *a, struct rule_set *rules);

/* Those in force, or about to be. */
const struct rule_set *alert_log_rules(const struct alert_log *a);

MUST_USE enum result alert_log_metrics(struct alert_log *a, struct metrics *m);

#endif
