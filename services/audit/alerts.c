#include "alerts.h"

#include "audit.h"
#include "codec.h"

#include <sodium.h>

#define PERIOD_MS (30ull * 24 * 3600 * 1000)
#define MINUTE_MS 60000u
#define WATCHDOG_RUNBOOK "docs/runbooks/watchdog.md"

/* Values that are shown as they are: they name no address, device or person other than whom the alert is about. */
static bool is_shown(const struct rule_field *f)
{
    switch (f->kind) {
    case FIELD_TYPE:
    case FIELD_TIER:
    case FIELD_ENDPOINT:
    case FIELD_SRC:
    case FIELD_USER_ID:
        return true;
    default:
        /* Records of the log about a source tell it so. */
        return text_equal(f->name, TEXT("attrs.src"));
    }
}

enum result alert_pseudonym(const uint8_t key[32], uint64_t time, struct text name, struct text value,
                            char out[PSEUDONYM_LEN + 1])
{
    uint8_t period[8], month[32], mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state h;

    bytes_put_u64(period, time / PERIOD_MS);
    if (crypto_generichash(month, sizeof(month), period, sizeof(period), key, 32))
        return RESULT_CRYPTO;
    crypto_auth_hmacsha256_init(&h, month, sizeof(month));
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)name.data, name.len);
    crypto_auth_hmacsha256_update(&h, (const uint8_t[]){ 0 }, 1);
    crypto_auth_hmacsha256_update(&h, (const uint8_t *)value.data, value.len);
    crypto_auth_hmacsha256_final(&h, mac);
    sodium_memzero(month, sizeof(month));
    sodium_bin2base64(out, PSEUDONYM_LEN + 1, mac, 12, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return RESULT_OK;
}

/* The values of the group, which all records of an episode have in common. */
struct group_text {
    struct text_pair pairs[RULE_GROUP_MAX];
    char numbers[RULE_GROUP_MAX][RULE_NUMBER_LEN];
    char pseudonyms[RULE_GROUP_MAX][PSEUDONYM_LEN + 1];
    struct text user_id;
};

static enum result show_group(const struct finding *f, const uint8_t key[32], struct group_text *g)
{
    for (size_t i = 0; i < f->rule->group_count; i++) {
        const struct rule_field *field = &f->rule->group_by[i];
        struct text value = rule_field_of(field, f->record, g->numbers[i]);
        if (field->kind == FIELD_USER_ID)
            g->user_id = value;
        if (!is_shown(field)) {
            enum result r = alert_pseudonym(key, f->record->event.time, field->name, value, g->pseudonyms[i]);
            if (r)
                return r;
            value = text_of(g->pseudonyms[i]);
        }
        g->pairs[i] = (struct text_pair){ field->name, value };
    }
    return RESULT_OK;
}

enum result alert_write(const struct finding *f, uint64_t n, const uint8_t pseudonym[32], struct buffer *body)
{
    struct mp_writer w = mp_writer_to(body);
    uint64_t seqs[WINDOW_SEQS_MAX];
    struct group_text g = { .user_id = { 0 } };
    enum result r = show_group(f, pseudonym, &g);

    if (r)
        return r;
    memcpy(seqs, f->seqs, f->seq_count * sizeof(seqs[0]));
    const struct audit_alert alert = {
        .alert_id = f->episode->alert_id,
        .n = n,
        .rule = f->rule->name,
        .title = f->rule->title,
        .level = (enum audit_level)f->rule->level,      /* of the same order */
        .time = f->record->event.time,
        .first_seen = f->first_seen,
        .last_seen = f->last_seen,
        .group = { g.pairs, f->rule->group_count },
        .count = f->episode->count,
        .seqs = { seqs, f->seq_count },
        .user_id = g.user_id,
        .attack = { f->rule->attack, f->rule->attack_count },
        .runbook = f->rule->runbook,
    };
    return body_encode(&schema_audit_alert, &alert, &w);
}

enum result alert_write_watchdog(uint64_t n, uint64_t minute, const uint8_t group[32], struct buffer *body)
{
    struct mp_writer w = mp_writer_to(body);
    uint8_t in[8 + sizeof(ALERT_WATCHDOG) - 1], id[16];
    uint64_t time = minute * MINUTE_MS;

    bytes_put_u64(in, minute);
    memcpy(in + 8, ALERT_WATCHDOG, sizeof(ALERT_WATCHDOG) - 1);
    if (crypto_generichash(id, sizeof(id), in, sizeof(in), group, 32))
        return RESULT_CRYPTO;
    const struct audit_alert alert = {
        .alert_id = uuid_v8(id),
        .n = n,
        .rule = TEXT(ALERT_WATCHDOG),
        .title = TEXT("Alerts arrive; n is the number of the last"),
        .level = AUDIT_INFORMATIONAL,
        .time = time,
        .first_seen = time,
        .last_seen = time,
        .runbook = TEXT(WATCHDOG_RUNBOOK),
    };
    return body_encode(&schema_audit_alert, &alert, &w);
}

enum result alert_frame(struct bytes body, const uint8_t key_id[8], const uint8_t sig[64], struct buffer *value)
{
    struct mp_writer w = mp_writer_to(value);

    mp_put_array(&w, 4);
    mp_put_uint(&w, 1);
    mp_put_bin(&w, body.data, body.len);
    mp_put_bin(&w, key_id, 8);
    mp_put_bin(&w, sig, 64);
    return w.status;
}

/* The group's value of that field; data NULL: it is not grouped by it. */
static struct text group_value(const struct finding *f, enum rule_field_kind kind)
{
    char unused[RULE_NUMBER_LEN];

    for (size_t i = 0; i < f->rule->group_count; i++)
        if (f->rule->group_by[i].kind == kind)
            return rule_field_of(&f->rule->group_by[i], f->record, unused);
    return (struct text){ NULL, 0 };
}

struct text alert_key(const struct finding *f)
{
    struct text user = group_value(f, FIELD_USER_ID);

    return user.data ? user : f->rule->name;
}

bool alert_subject(const struct finding *f, struct subject *out)
{
    struct text user = group_value(f, FIELD_USER_ID), ip = group_value(f, FIELD_IP);

    *out = user.data ? (struct subject){ SUBJECT_USER, user } : (struct subject){ SUBJECT_IP, ip };
    return out->text.data != NULL;
}
