/*
 * The text that Telegram hands to a mini app (`Telegram.WebApp.initData`) as the fields in it: key=value joined by `&`, in
 * the form encoding of the WHATWG URL Standard (section 5.1), `+` for a blank.
 *
 *     auth_date=1650385342&user=%7B%22id%22%3A42%7D&hash=46d2…    ->  auth_date, user = {"id":42}, hash
 */
#ifndef HLIDKA_AUTH_INIT_DATA_H
#define HLIDKA_AUTH_INIT_DATA_H

#include "telegram.h"

/*
 * memory: data.len bytes for what the fields hold; wipe it when they are done with. RESULT_MALFORMED for a piece without
 * `=`, a `%` without two hex digits, and more than TELEGRAM_FIELDS_MAX pieces: no other reader may see another set there.
 */
MUST_USE enum result init_data_split(struct text data, char *memory, struct telegram_field fields[TELEGRAM_FIELDS_MAX],
                                     size_t *count);

#endif
