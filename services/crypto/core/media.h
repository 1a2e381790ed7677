/*
 * What a recording's first bytes say of its container. The name is exact, without parameters; the container is judged, not
 * what is in it.
 *
 *     audio/ogg   `OggS`                              RFC 3533
 *     audio/flac  `fLaC`                              RFC 9639, section 8
 *     audio/mpeg  `ID3`, or a frame: 11 set bits, and a layer; ISO 11172-3
 *     audio/mp4   `ftyp` at 4                         ISO 14496-12
 *     audio/wav   `RIFF`, and `WAVE` at 8
 *     audio/webm  1A 45 DF A3                         RFC 8794
 */
#ifndef HLIDKA_MEDIA_H
#define HLIDKA_MEDIA_H

#include "bytes.h"
#include "result.h"

enum media { MEDIA_OGG, MEDIA_FLAC, MEDIA_MPEG, MEDIA_MP4, MEDIA_WAV, MEDIA_WEBM };

/* RESULT_NOT_FOUND: a type that is not taken. */
MUST_USE enum result media_of(struct text type, enum media *out);

/* Whether a recording that begins so is of that type; too few bytes to tell are not. */
bool media_matches(enum media m, struct bytes first);

#endif
