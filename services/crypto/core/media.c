#include "media.h"

static const struct text TYPES[] = {
    [MEDIA_OGG] = TEXT("audio/ogg"), [MEDIA_FLAC] = TEXT("audio/flac"), [MEDIA_MPEG] = TEXT("audio/mpeg"),
    [MEDIA_MP4] = TEXT("audio/mp4"), [MEDIA_WAV] = TEXT("audio/wav"), [MEDIA_WEBM] = TEXT("audio/webm"),
};

enum result media_of(struct text type, enum media *out)
{
    for (unsigned i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        if (text_equal(type, TYPES[i])) {
            *out = (enum media)i;
            return RESULT_OK;
        }
    return RESULT_NOT_FOUND;
}

static bool has(struct bytes in, size_t at, const char *mark, size_t len)
{
    return in.len >= at + len && memcmp(in.data + at, mark, len) == 0;
}

/* AAAAAAAA AAABBCC.: sync, version, layer. Layer 0 is reserved, and what ADTS (AAC) has there. */
static bool is_mpeg_frame(struct bytes in)
{
    enum { SYNC = 0xe0, LAYER = 0x06 };

    return in.len >= 2 && in.data[0] == 0xff && (in.data[1] & SYNC) == SYNC && (in.data[1] & LAYER) != 0;
}

bool media_matches(enum media m, struct bytes first)
{
    switch (m) {
    case MEDIA_OGG:
        return has(first, 0, "OggS", 4);
    case MEDIA_FLAC:
        return has(first, 0, "fLaC", 4);
    case MEDIA_MPEG:
        return has(first, 0, "ID3", 3) || is_mpeg_frame(first);
    case MEDIA_MP4:
        return has(first, 4, "ftyp", 4);
    case MEDIA_WAV:
        return has(first, 0, "RIFF", 4) && has(first, 8, "WAVE", 4);
    case MEDIA_WEBM:
        return has(first, 0, "\x1a\x45\xdf\xa3", 4);
    }
    return false;
}
