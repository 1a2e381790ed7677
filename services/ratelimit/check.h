/* One check at work, from its body to its answer: shared by handle_check.c, fallback.c and answer.c alone. */
#ifndef HLIDKA_RATELIMIT_CHECK_H
#define HLIDKA_RATELIMIT_CHECK_H

#include "judgement.h"
#include "limiter.h"
#include "ratelimit.h"

/* In the request's arena, and so are the texts it points to. */
struct check {
    struct ratelimit *service;
    struct request *rq;
    struct policies *policies;          /* held: a reload must not take them away meanwhile */
    struct subject who;
    struct text tier;                   /* "default" where the request names none */
    bool peek;
    uint64_t cost;

    size_t count;                       /* policies that meet it, in the order of the file */
    const struct policy *met[MATCH_MAX];
    struct term terms[MATCH_MAX];
    struct store_check ask;

    /* While the store is away: what is counted locally, and which of `met` that is. */
    struct store_check ask_local;
    struct term local_terms[MATCH_MAX];
    size_t local_of[MATCH_MAX];
    bool unknown;                       /* the store may have charged */
};

/* Puts the terms of a check into what a store is asked. RESULT_NO_MEMORY. */
MUST_USE enum result check_terms(struct check *c, const struct term *terms, size_t count, struct store_check *ask);

/* Answers by each policy's own behaviour without the store. */
void fallback(struct check *c, bool unknown);

/* ruled: what was charged, for the decision id; NULL when nothing can be given back. Ends the request. */
void answer(struct check *c, const struct judgement *j, enum ratelimit_source source, const struct store_outcome *ruled,
            const struct term *terms);
/* Ends the request with an error. */
void answer_fault(struct check *c, enum fault_code code, const char *detail);
void answer_unavailable(struct check *c, const char *detail);

/* Counts the denials of one row's policy, and tells of their episode. */
void check_denied(struct check *c, size_t index);

#endif
