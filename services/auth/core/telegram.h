/*
 * What Telegram signs for a bot, checked by Telegram's published rules (core.telegram.org/widgets/login, "Checking
 * authorization"; core.telegram.org/bots/webapps, "Validating data received via the Mini App") and the contract's
 * stricter ones (PROTOCOL.md section 5): the set of fields has exactly one text.
 *
 *     secret = SHA-256(bot token)                                      of the widget
 *              HMAC-SHA-256("WebAppData", bot token)                   of a web app
 *     hash   = HMAC-SHA-256(secret, the other fields as key=value, sorted by key, joined by \n), lower-case hex
 *
 * Who it is, the widget says in the field `id`, a web app in the member `id` of the JSON object in the field `user`.
 */
#ifndef HLIDKA_AUTH_TELEGRAM_H
#define HLIDKA_AUTH_TELEGRAM_H

#include "secret.h"

#define TELEGRAM_FIELDS_MAX 64
#define TELEGRAM_ID_MAX 19
#define TELEGRAM_HASH_LEN 32
/* How far Telegram's clock may be ahead of ours. */
#define TELEGRAM_AHEAD_MS 60000

/* Keys derived from one bot's token. */
struct telegram_bot {
    struct secret *widget;
    struct secret *webapp;
};

/*
 * token: `<bot id>:<secret>`, digits and [A-Za-z0-9_-], without white space. RESULT_BAD_CONFIG for anything else
 * (whoever calls says which file), RESULT_NO_MEMORY.
 */
MUST_USE enum result telegram_bot_open(struct text token, struct telegram_bot *out);
void telegram_bot_close(struct telegram_bot *bot);

struct telegram_field {
    struct text key;
    struct text value;
};

/* What a sound signature stands for. */
struct telegram_login {
    char id[TELEGRAM_ID_MAX + 1];       /* [1-9][0-9]{0,18} */
    uint64_t auth_date_s;               /* beyond 64 bits: UINT64_MAX */
    uint8_t hash[TELEGRAM_HASH_LEN];
};

/*
 * fields are put in the order of their keys. RESULT_NOT_AUTHENTIC for whatever is wrong: what Telegram did not sign,
 * a field that is missing or stands twice, a key or value of another form. Time is not looked at (telegram_fresh).
 */
MUST_USE enum result telegram_verify_widget(const struct telegram_bot *bot, struct telegram_field *fields, size_t count,
                                            struct telegram_login *out);

/* The same of a web app's fields, as init_data.h gives them. */
MUST_USE enum result telegram_verify_webapp(const struct telegram_bot *bot, struct telegram_field *fields, size_t count,
                                            struct telegram_login *out);

/* Signed at most max_age_ms ago and at most TELEGRAM_AHEAD_MS ahead. */
bool telegram_fresh(uint64_t auth_date_s, uint64_t max_age_ms, uint64_t now_ms);

/* The id that unproven fields claim, if it has the form of one; else "". */
void telegram_claimed_widget(const struct telegram_field *fields, size_t count, char id[TELEGRAM_ID_MAX + 1]);
void telegram_claimed_webapp(const struct telegram_field *fields, size_t count, char id[TELEGRAM_ID_MAX + 1]);

#endif
