/*
 * Schema migrations: files NNN_name.sql, applied in the order of their numbers, each once, each in a
 * transaction of its own together with its row in SCHEMA.migrations(version, name, sha256, applied_at).
 *
 * Instances that start together take turns by an advisory lock: the first applies, the others wait and
 * find it done. An applied file never changes: one whose SHA-256 is another than recorded is refused, as
 * is a database that has migrations which this program does not know (it is older than the schema). 001 to
 * 009 are common/db's own, services begin at 010.
 */
#ifndef HLIDKA_MIGRATE_H
#define HLIDKA_MIGRATE_H

#include "buffer.h"
#include "secret.h"

struct uv_loop_s;

#define MIGRATE_MAX 256                 /* files */

struct migration {
    unsigned version;                   /* 1 … 999 */
    char name[64];                      /* [a-z0-9_]+ */
    struct bytes sql;                   /* may set nothing outside its transaction: no COMMIT, no CONCURRENTLY */
};

struct migrations {
    struct migration *items;            /* by version */
    size_t count;
    struct buffer text;                 /* what items[].sql points into */
};

/*
 * Reads the *.sql files of the directories (blocking: at the start of a process). RESULT_BAD_CONFIG for a
 * name that is not NNN_name.sql or a number that stands twice, RESULT_NOT_FOUND, RESULT_IO,
 * RESULT_TOO_LARGE, RESULT_NO_MEMORY; `why` names the culprit.
 */
MUST_USE enum result migrations_load(const char *const *dirs, size_t count, struct migrations *out, struct buffer *why);
void migrations_free(struct migrations *m);

/*
 * r: RESULT_OK; RESULT_CONFLICT (a changed or unknown migration), RESULT_MALFORMED (a file that PostgreSQL
 * refused), RESULT_UNAVAILABLE (not reachable, lost), RESULT_TIMEOUT. why says what to do; applied counts
 * this run's.
 */
typedef void migrate_cb(void *cookie, enum result r, unsigned applied, struct text why);

/*
 * On a connection of its own, opened and closed for this; not retried. schema as in pg_options, created if
 * it is missing. url and m are borrowed until cb, which comes once. timeout_ms bounds everything, the wait
 * for the lock included. RESULT_BAD_CONFIG with `why`, RESULT_NO_MEMORY, RESULT_INTERNAL: then cb never
 * comes.
 */
MUST_USE enum result migrate_run(struct uv_loop_s *loop, const struct secret *url, const char *schema,
                                 const struct migrations *m, uint64_t timeout_ms, migrate_cb *cb, void *cookie,
                                 struct buffer *why);

#endif
