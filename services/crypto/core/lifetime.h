/*
 * How long a recording is there. All times in ms, of the database's clock.
 *
 *     incomplete   until it is complete, at most 10 min: then dropped, as if it had never been
 *     there        until expires_at; from that very ms on expired: 410, for 30 d
 *     forgotten    after these 30 d
 *
 * What comes first holds: an upload whose time to live is shorter than 10 min expires.
 */
#ifndef HLIDKA_LIFETIME_H
#define HLIDKA_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#define UPLOAD_MS (10 * 60 * 1000)
#define EXPIRED_MS (UINT64_C(30) * 24 * 3600 * 1000)

enum life { LIFE_INCOMPLETE, LIFE_COMPLETE, LIFE_DROPPED, LIFE_EXPIRED, LIFE_FORGOTTEN };

enum life lifetime_at(uint64_t now_ms, uint64_t created_ms, uint64_t expires_ms, bool complete);

#endif
