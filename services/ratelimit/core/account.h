/*
 * Names of accounts and of records: keyed hashes, in which neither a person nor an address nor an endpoint shows.
 */
#ifndef HLIDKA_ACCOUNT_H
#define HLIDKA_ACCOUNT_H

#include "ip.h"
#include "keys.h"
#include "policy.h"
#include "uuid.h"

#define RECORD_ID_LEN 16

/* Whom a check is about; what the request lacks is absent. */
struct subject {
    struct text user;           /* data NULL: none */
    struct ip ip;               /* family 0: none; any address, account_id takes its network */
    struct text endpoint;
};

/* Whether the request has the id that the scope counts by. */
bool subject_has(const struct subject *s, enum scope scope);

/* An IPv6 address counts as its /64, one under 64:ff9b::/96 (RFC 6052) as its IPv4. Idempotent. */
struct ip account_network(const struct ip *ip);

/* The account that a policy counts this subject in; subject_has(s, p->scope). */
void account_id(const struct keys *k, const struct policy *p, const struct subject *s, uint8_t out[POLICY_ACCOUNT_LEN]);

/* The record of one message of one principal. */
void record_id(const struct keys *k, struct text source, const struct uuid *id, uint8_t out[RECORD_ID_LEN]);

#endif
