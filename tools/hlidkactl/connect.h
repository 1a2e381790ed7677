/* libhlidka for a command: options from the settings, its notices to stderr when asked for. */
#ifndef HLIDKA_CONNECT_H
#define HLIDKA_CONNECT_H

#include <uv.h>

#include "hlidka.h"
#include "settings.h"

/* ready may be NULL. RESULT_BAD_CONFIG, RESULT_NO_MEMORY with `why`. */
MUST_USE enum result connect_client(const struct settings *s, uv_loop_t *loop, unsigned in_flight,
                                    void (*ready)(void *cookie), void *cookie, struct hlidka **out, struct buffer *why);

/* The exit code of a reply; complains where it is no answer. */
int connect_exit_code(const struct hlidka *client, const struct hlidka_reply *reply);

/* Of a call that was not taken. */
int connect_refused(enum hlidka_status s);

#endif
