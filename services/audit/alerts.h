/*
 * An alert as anyone may read it (PROTOCOL.md section 8, "Alerts"): it is not sealed but signed, and names nobody but the
 * user it is about.
 *
 *     value = msgpack [1, body: bin, key id: bin 8, sig: bin 64]     sig: over "hlidka-alert-v1\n" ‖ body
 *
 * A group's values other than rule, type, tier, endpoint, src and user_id are shown as pseudonyms:
 *
 *     base64url(HMAC-SHA256(the key of the alert's 30 days, name ‖ 0 ‖ value)[0 … 12)), unpadded
 *
 * Pure.
 */
#ifndef HLIDKA_ALERTS_H
#define HLIDKA_ALERTS_H

#include "buffer.h"
#include "detector.h"
#include "subject.h"

#define ALERT_CONTEXT "hlidka-alert-v1\n"
#define ALERT_BODY_MAX (64u * 1024)
#define ALERT_WATCHDOG "watchdog"

/* Appends the body of what was raised as number n. Errors as body_encode; RESULT_CRYPTO. */
MUST_USE enum result alert_write(const struct finding *f, uint64_t n, const uint8_t pseudonym[32], struct buffer *body);

/*
 * Appends the body of the alert that says nothing but that alerts arrive: n is the last one's number, 0 while there is
 * none; minute: since 1970.
 */
MUST_USE enum result alert_write_watchdog(uint64_t n, uint64_t minute, const uint8_t group[32], struct buffer *body);

/* Appends the value. Errors as buffer_append. */
MUST_USE enum result alert_frame(struct bytes body, const uint8_t key_id[8], const uint8_t sig[64], struct buffer *value);

/* The Kafka key: whom it is about, else the rule. */
struct text alert_key(const struct finding *f);

/*
 * Whose alert it is, to go with them when they are erased: the user of its group, else the address. False: it is nobody's.
 * Borrowed from the record.
 */
bool alert_subject(const struct finding *f, struct subject *out);

/* What a value is shown as; out gets a NUL. */
#define PSEUDONYM_LEN 16
MUST_USE enum result alert_pseudonym(const uint8_t key[32], uint64_t time, struct text name, struct text value,
                                     char out[PSEUDONYM_LEN + 1]);

#endif
