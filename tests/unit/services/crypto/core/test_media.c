#include "media.h"

#include <criterion/criterion.h>

#define B(literal) { (const uint8_t *)"" literal, sizeof(literal) - 1 }

Test(media, first_bytes_tell_the_container, .timeout = 10)
{
    static const struct {
        enum media media;
        struct bytes first;
        bool matches;
    } CASES[] = {
        { MEDIA_OGG, B("OggS"), true }, { MEDIA_OGG, B("Ogg"), false }, { MEDIA_OGG, B("oggS"), false },
        { MEDIA_OGG, B("\0OggS"), false }, { MEDIA_FLAC, B("fLaC\0"), true }, { MEDIA_FLAC, B("FLAC"), false },
        { MEDIA_MPEG, B("ID3"), true }, { MEDIA_MPEG, B("ID"), false }, { MEDIA_MPEG, B("\xff\xfb\x90\x64"), true },
        { MEDIA_MPEG, B("\xff\xf3"), true }, { MEDIA_MPEG, B("\xff\xe3"), true }, { MEDIA_MPEG, B("\xff\xfd"), true },
        { MEDIA_MPEG, B("\xff\xf1"), false },           /* ADTS: no layer */
        { MEDIA_MPEG, B("\xff\xe0"), false }, { MEDIA_MPEG, B("\xff\xdb"), false }, { MEDIA_MPEG, B("\xfe\xfb"), false },
        { MEDIA_MPEG, B("\xff"), false }, { MEDIA_MPEG, B("TAG"), false }, { MEDIA_MP4, B("\0\0\0\x18" "ftypM4A "), true },
        { MEDIA_MP4, B("\0\0\0\x18" "ftyp"), true }, { MEDIA_MP4, B("ftyp"), false }, { MEDIA_MP4, B("\0\0\0\x18" "fty"), false },
        { MEDIA_WAV, B("RIFF....WAVE"), true }, { MEDIA_WAV, B("RIFF....WAV"), false }, { MEDIA_WAV, B("RIFF....AVI "), false },
        { MEDIA_WAV, B("RIFX....WAVE"), false }, { MEDIA_WEBM, B("\x1a\x45\xdf\xa3"), true },
        { MEDIA_WEBM, B("\x1a\x45\xdf"), false }, { MEDIA_WEBM, B("\x1a\x45\xdf\xa4"), false }, { MEDIA_OGG, B(""), false },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_expect_eq(media_matches(CASES[i].media, CASES[i].first), CASES[i].matches, "case %zu", i);
}

Test(media, names_are_exact, .timeout = 10)
{
    static const struct text TAKEN[] = { TEXT("audio/ogg"), TEXT("audio/flac"), TEXT("audio/mpeg"),
                                         TEXT("audio/mp4"), TEXT("audio/wav"), TEXT("audio/webm") };
    static const struct text OTHERS[] = { TEXT(""), TEXT("audio/"), TEXT("audio/ogg "), TEXT("Audio/ogg"), TEXT("audio/ogg;"),
                                          TEXT("audio/mp3"), TEXT("audio/oggx"), TEXT("video/webm"), TEXT("audio/ogg\0") };
    enum media m;

    for (unsigned i = 0; i < sizeof(TAKEN) / sizeof(TAKEN[0]); i++) {
        cr_assert_eq(media_of(TAKEN[i], &m), RESULT_OK);
        cr_expect_eq((unsigned)m, i);
    }
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
        cr_expect_eq(media_of(OTHERS[i], &m), RESULT_NOT_FOUND, "%zu", i);
}
