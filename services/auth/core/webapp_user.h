/*
 * Who a web app's `user` is: the member `id` of a JSON object (RFC 8259), and nothing else of it.
 *
 *     {"id":42,"first_name":"Jiřina","photo_url":"https:\/\/t.me\/…"}     ->  42
 *
 * Only what Telegram has signed is acted on, so this need not know all that is no JSON; it must not see another id than
 * any other reader would. Hence strict where that could be: one `id`, no key with an escape in it, a whole number in its
 * one spelling, nothing after the object.
 */
#ifndef HLIDKA_AUTH_WEBAPP_USER_H
#define HLIDKA_AUTH_WEBAPP_USER_H

#include "bytes.h"

/* The digits as they stand there; data NULL when there are none of that form. Borrowed from json. */
struct text webapp_user_id(struct text json);

#endif
