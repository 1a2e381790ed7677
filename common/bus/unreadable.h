/*
 * An offset that cannot be read (protocol.md section 1): an error that stays at one offset for 10 s is passed over by
 * a seek. librdkafka reports a batch that it cannot read over and over, at the offset of its first record; how many
 * records it holds is not known, so the steps beyond it double until the errors stop. Pure.
 *
 *     error at 7, again and again for 10 s   -> seek to 8
 *     still at 7                             -> seek to 9, 11, 15, …
 *
 * Three seconds without an error are an offset that can be read, where nothing is yet: the next one begins anew.
 */
#ifndef HLIDKA_UNREADABLE_H
#define HLIDKA_UNREADABLE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#define UNREADABLE_MS       10000
#define UNREADABLE_PAUSE_MS 3000

struct unreadable {                     /* of a partition; zeroes: no error yet */
    int64_t offset;
    int64_t step;                       /* how far beyond it to seek next; 0: nowhere yet */
    uint64_t since_ns, seen_ns;
};

/* Whether an error may be of what is stored there: not being let in, or a topic that is not there, is not. */
bool unreadable_by(rd_kafka_resp_err_t err);

/*
 * An error at that offset, at least 0. true: seek to *to; *skipped offsets were passed over by that which the last
 * step had not reached.
 */
bool unreadable_error(struct unreadable *u, int64_t offset, uint64_t now_ns, int64_t *to, uint64_t *skipped);

#endif
