/*
 * What the ops of the second factor share: who brings the token, the factor's row, a code being judged, a session that rises.
 * An op's struct begins with a factor_op. It is run with factor_read and factor_admit, which let its own decide() have the
 * rows when the token is a living session's; that calls factor_bearer first.
 */
#ifndef HLIDKA_STORE_FACTOR_H
#define HLIDKA_STORE_FACTOR_H

#include "attempts.h"
#include "backup_code.h"
#include "cookie.h"
#include "people_factor.h"
#include "store_people.h"
#include "totp.h"

#define TOTP_COLUMN "second_factors.secret"

enum factor_kind { FACTOR_TOTP, FACTOR_BACKUP, FACTOR_KINDS };

/* A row of second_factors; the sealed ones are borrowed from the rows that were read. */
struct factor {
    struct bytes secret;                /* data NULL: none is active */
    struct bytes pending;               /* data NULL: none is being enrolled */
    uint64_t pending_ms;                /* since when */
    uint64_t last_step;
    struct attempts attempts[FACTOR_KINDS];
};

struct factor_op {
    struct change change;
    void (*decide)(struct once *c, void *op, struct pg_batch *rows);
    bool has_token;
    struct token token;
    struct text code;
    /* Of the bearer, from factor_bearer on. */
    struct session life;
    struct text telegram_id;            /* in the arena; data NULL: none */
    struct factor factor;
};

/* The rows that decide() has: the token's user, locked; its session; their factor and backup codes. */
enum { FACTOR_USER, FACTOR_SESSION, FACTOR_ROW, FACTOR_CODES };
MUST_USE enum result factor_read(struct once *c, void *op, struct pg_batch *reads);
void factor_admit(struct once *c, void *op, struct pg_batch *rows);

/* A factor_op of that type, ready to run; NULL: the request has been answered. */
#define factor_new(people, rq, type, decide, token, code) \
    ((type *)factor_alloc((people), (rq), sizeof(type), (decide), (token), (code)))
void *factor_alloc(struct people *p, struct request *rq, size_t size,
                   void (*decide)(struct once *c, void *op, struct pg_batch *rows), const struct token *token, struct text code);

/* False: it is no living session's token, or something failed, and decide() has ended. */
bool factor_bearer(struct factor_op *op, struct once *c, struct pg_batch *rows);

/*
 * Judges the code as that kind's of the active factor (or, with `pending`, of the one being enrolled). True: it is right,
 * what follows from that is in op->factor and in the writes, and the op goes on. False: decide() has ended.
 */
bool factor_judge(struct factor_op *op, struct once *c, struct pg_batch *rows, enum factor_kind kind, bool pending);
/* Six digits are TOTP's, all else is a backup code's. */
enum factor_kind factor_kind_of(struct text code);

/* The row as op->factor has it now. */
MUST_USE enum result factor_write(struct factor_op *op, struct pg_batch *writes);
/* Of the user: none any more, every session at aal 1. The row keeps its last step. */
MUST_USE enum result factor_drop(struct change *change, struct factor *factor, struct pg_batch *writes);
/* Ten new ones in place of all others; whoever holds them wipes them. */
struct factor_codes {
    char memory[BACKUP_CODES][BACKUP_CODE_TEXT_LEN + 1];
    struct text texts[BACKUP_CODES];
};
MUST_USE enum result factor_new_codes(struct factor_op *op, struct pg_batch *writes, struct factor_codes *out);
size_t factor_codes_left(struct pg_batch *rows);

MUST_USE enum result factor_event(struct factor_op *op, struct pg_batch *writes, struct text type, struct text method);

/*
 * The session at aal 2 with a new token; out is what is answered, its texts in the caller's hands. It writes the session's
 * revocation too, unless the op tells of all the user's anyway (`all`).
 */
struct factor_token {
    char token[TOKEN_TEXT_LEN + 1], cookie[COOKIE_MAX];
};
MUST_USE enum result factor_raise(struct factor_op *op, struct pg_batch *writes, struct factor_token *memory, bool all,
                                  struct auth_session *out);

#endif
