/* A recording of speech: stored in parts, read back in parts, the same to the bit. */
#include "tour.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "file.h"

#define PART (512u * 1024)
#define RECORDING_MAX (10u * 1024 * 1024)
#define CANARIES 3
#define CANARY_LEN 64

static const char *media_type(struct bytes file)
{
    static const struct {
        const char *start;
        const char *type;
    } KNOWN[] = { { "OggS", "audio/ogg" }, { "RIFF", "audio/wav" }, { "ID3", "audio/mpeg" }, { "fLaC", "audio/flac" } };

    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
        if (file.len > 4 && memcmp(file.data, KNOWN[i].start, strlen(KNOWN[i].start)) == 0)
            return KNOWN[i].type;
    return NULL;
}

/* Pieces from its middle, of sound and not of silence. */
static int plant(struct tour *t, struct bytes file)
{
    for (size_t i = 1; i <= CANARIES; i++) {
        size_t at = file.len / (CANARIES + 1) * i;
        while (at + 2 * CANARY_LEN < file.len && memcmp(file.data + at, file.data + at + 2, CANARY_LEN) == 0)
            at += CANARY_LEN;
        int code = tour_plant(t, "recording", (struct bytes){ file.data + at, CANARY_LEN });
        if (code)
            return code;
    }
    return EXIT_DONE;
}

static int put(struct tour *t, struct bytes file, const char *type, char object[TOUR_NAME_MAX])
{
    for (size_t at = 0; at < file.len; at += PART) {
        struct hlidka_body *body = hlidka_body_new();

        if (*object)
            hlidka_put_text(body, "object_id", object);
        hlidka_put_text(body, "media_type", type);
        hlidka_put_uint(body, "size", file.len);
        hlidka_put_uint(body, "offset", at);
        hlidka_put_bin(body, "data", file.data + at, file.len - at < PART ? file.len - at : PART);
        hlidka_put_text(body, "owner", t->user);
        int code = tour_ask(t, &(struct tour_question){ .op = "crypto.audio.put", .body = body });
        if (code)
            return code;
        tour_copy(tour_got(t, "object_id"), object, TOUR_NAME_MAX);
    }
    return tour_got(t, "complete").boolean ? EXIT_DONE : tour_wrong("all parts were sent, and it is not complete");
}

static int get(struct tour *t, struct bytes file, const char *object)
{
    bool eof = false;

    for (size_t at = 0; !eof; ) {
        struct hlidka_body *body = hlidka_body_new();

        hlidka_put_text(body, "object_id", object);
        hlidka_put_uint(body, "offset", at);
        hlidka_put_uint(body, "length", PART);
        int code = tour_ask(t, &(struct tour_question){ .op = "crypto.audio.get", .body = body });
        if (code)
            return code;
        struct hlidka_bytes data = tour_got(t, "data").bytes;
        eof = tour_got(t, "eof").boolean;
        if (data.len > file.len - at || memcmp(data.data, file.data + at, data.len) != 0 || (data.len == 0 && !eof))
            return tour_wrong("what was read is not what was stored");
        at += data.len;
        if (eof && at != file.len)
            return tour_wrong("what was read is shorter than what was stored");
    }
    return EXIT_DONE;
}

static int store_and_read(struct tour *t, struct bytes file)
{
    const char *type = media_type(file);
    char object[TOUR_NAME_MAX] = "", hex[2 * crypto_hash_sha256_BYTES + 1];
    uint8_t hash[crypto_hash_sha256_BYTES];
    uint64_t began = clock_boot_ns();
    int code;

    if (!type || file.len <= 1024u * 1024)
        return tour_wrong("the recording must be Ogg, WAV, MP3 or FLAC, of over 1 MiB");
    if ((code = plant(t, file)) || (code = put(t, file, type, object)))
        return code;
    crypto_hash_sha256(hash, file.data, file.len);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    if (!tour_is(tour_got(t, "sha256"), hex))
        return tour_wrong("the SHA-256 of what was stored is another");
    tour_step(began, "a recording of %.1f MiB (%s), stored encrypted in %zu parts", (double)file.len / (1024 * 1024), type,
              (file.len + PART - 1) / PART);
    began = clock_boot_ns();
    if ((code = get(t, file, object)))
        return code;
    tour_step(began, "and read back, the same to the bit");
    return EXIT_DONE;
}

int tour_recording(struct tour *t)
{
    struct buffer file;
    int code;

    buffer_init(&file, RECORDING_MAX);
    if (!t->recording || file_read(t->recording, &file)) {
        complain("the recording cannot be read: %s", t->recording ? t->recording : "say where (--recording FILE)");
        code = EXIT_USAGE;
    } else {
        code = store_and_read(t, buffer_bytes(&file));
    }
    buffer_free(&file);
    return code;
}
