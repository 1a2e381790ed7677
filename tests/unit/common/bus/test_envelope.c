#include "envelope.h"

#include "mp_writer.h"
#include "parties.h"

#include <criterion/criterion.h>

#define NOW UINT64_C(1764000000000)

/* ---- frames --------------------------------------------------------------------------------------------------- */

#define RAW(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

Test(envelope, frames_exactly_one_document_of_three_or_four_parts, .timeout = 5)
{
    static const struct {
        const char *what;
        struct bytes value;
        enum result expected;
    } cases[] = {
        { "the least", RAW("\x93\x01\xc4\x00\xc4\x00"), RESULT_OK },
        { "wide forms", RAW("\xdd\0\0\0\x03\xd3\0\0\0\0\0\0\0\x01\xc6\0\0\0\0\xc5\0\x01z"), RESULT_OK },
        { "empty", RAW(""), RESULT_MALFORMED },
        { "text", RAW("hello, is anyone there?"), RESULT_MALFORMED },
        { "type 0xc1", RAW("\xc1\xc1\xc1"), RESULT_MALFORMED },
        { "2^26 elements", RAW("\xdd\x04\0\0\0\x01\x01\x01"), RESULT_MALFORMED },
        { "2^32-1 bytes of header", RAW("\x93\x01\xc6\xff\xff\xff\xff\0\0"), RESULT_MALFORMED },
        { "trailing byte", RAW("\x93\x01\xc4\x00\xc4\x00\x00"), RESULT_MALFORMED },
        { "two messages", RAW("\x93\x01\xc4\x00\xc4\x00\x93\x01\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "version 0", RAW("\x93\x00\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "version 2", RAW("\x93\x02\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "version -1", RAW("\x93\xff\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "version text", RAW("\x93\xa1\x31\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "version true", RAW("\x93\xc3\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "version 1.0", RAW("\x93\xcb\x3f\xf0\0\0\0\0\0\0\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "a map", RAW("\x83\x00\x01\x01\xc4\x00\x02\xc4\x00"), RESULT_MALFORMED },
        { "two parts", RAW("\x92\x01\xc4\x00"), RESULT_MALFORMED },
        { "five parts", RAW("\x95\x01\xc4\x00\xc4\x00\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "header text", RAW("\x93\x01\xa1{\xc4\x00"), RESULT_MALFORMED },
        { "header nil", RAW("\x93\x01\xc0\xc4\x00"), RESULT_MALFORMED },
        { "box text", RAW("\x93\x01\xc4\x00\xa3" "box"), RESULT_MALFORMED },
        { "box nil", RAW("\x93\x01\xc4\x00\xc0"), RESULT_MALFORMED },
        { "signature empty", RAW("\x94\x01\xc4\x00\xc4\x00\xc4\x00"), RESULT_MALFORMED },
        { "signature nil", RAW("\x94\x01\xc4\x00\xc4\x00\xc0"), RESULT_MALFORMED },
        { "cut", RAW("\x93\x01\xc4\x00\xc4"), RESULT_MALFORMED },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct envelope e;
        cr_assert_eq(envelope_frame(cases[i].value, &e), cases[i].expected, "%s", cases[i].what);
    }
    struct envelope e;
    cr_assert_eq(envelope_frame((struct bytes){ NULL, 0 }, &e), RESULT_MALFORMED, "a tombstone");
}

static void write_value(struct bytes box, struct bytes sig, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    cr_assert_eq(envelope_begin((struct bytes)RAW("h"), box.len, sig.len > 0, out), RESULT_OK);
    cr_assert_eq(buffer_append(out, box.data, box.len), RESULT_OK);
    if (sig.len > 0)
        mp_put_bin(&w, sig.data, sig.len);
    cr_assert_eq(w.status, RESULT_OK);
}

Test(envelope, takes_signatures_of_64_bytes_only, .timeout = 5)
{
    struct buffer value;

    buffer_init(&value, ENVELOPE_VALUE_MAX);
    for (size_t len = 63; len <= 65; len++) {
        static const uint8_t sig[65];
        struct envelope e;

        buffer_reset(&value);
        write_value((struct bytes)RAW("box"), (struct bytes){ sig, len }, &value);
        cr_assert_eq(envelope_frame(buffer_bytes(&value), &e), len == 64 ? RESULT_OK : RESULT_MALFORMED);
        if (len == 64)
            cr_assert(bytes_equal(e.box, (struct bytes)RAW("box")) && e.sig.len == 64 && e.header_bytes.len == 1);
    }
    buffer_free(&value);
}

Test(envelope, takes_a_million_bytes_and_not_one_more, .timeout = 5)
{
    static uint8_t box[ENVELOPE_VALUE_MAX], value[ENVELOPE_VALUE_MAX + 1];
    struct buffer out;
    struct envelope e;
    size_t overhead = 1 + 1 + 3 + 5;        /* array, version, header "h", head of a bin 32 */

    buffer_init(&out, 2 * ENVELOPE_VALUE_MAX);
    struct bytes most = { box, ENVELOPE_VALUE_MAX - overhead };
    write_value(most, (struct bytes){ 0 }, &out);
    cr_assert_eq(out.len, ENVELOPE_VALUE_MAX);
    cr_assert_eq(envelope_frame(buffer_bytes(&out), &e), RESULT_OK);
    most.len++;
    buffer_reset(&out);
    write_value(most, (struct bytes){ 0 }, &out);
    cr_assert_eq(envelope_frame(buffer_bytes(&out), &e), RESULT_TOO_LARGE);
    cr_assert_eq(envelope_frame((struct bytes){ value, sizeof(value) }, &e), RESULT_TOO_LARGE, "whatever it is");
    buffer_free(&out);
}

/* ---- headers -------------------------------------------------------------------------------------------------- */

/* One header as a list of raw msgpack pairs, so that a case can bend any of them. */
struct pair {
    const char *key;
    struct bytes value;
};

#define ID   RAW("\xc4\x10" "0123456789abcdef")
#define KID  RAW("\xc4\x08" "01234567")
static const struct pair REQUEST[] = {
    { "id", ID }, { "op", RAW("\xa4" "op.x") }, { "src", RAW("\xa1" "s") }, { "dst", RAW("\xa1" "d") }, { "skid", KID },
    { "dkid", KID },
    { "ts", RAW("\x05") }, { "ttl", RAW("\x07") }, { "reply", RAW("\x92\xa1t\x03") },
    { "nonce", RAW("\xc4\x18" "0123456789abcdef01234567") },
};
#define PAIRS (sizeof(REQUEST) / sizeof(REQUEST[0]))

/* Writes REQUEST with the pair of that key replaced (value NULL: left out), or added when there is none. */
static void compose(const char *key, struct bytes value, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);
    bool listed = false;

    buffer_reset(out);
    for (size_t i = 0; i < PAIRS; i++)
        listed |= strcmp(REQUEST[i].key, key) == 0;
    mp_put_map(&w, (uint32_t)PAIRS + !listed - (listed && !value.data));
    for (size_t i = 0; i < PAIRS; i++) {
        bool bent = strcmp(REQUEST[i].key, key) == 0;

        if (bent && !value.data)
            continue;
        mp_put_text(&w, text_of(REQUEST[i].key));
        mp_put_raw(&w, bent ? value : REQUEST[i].value);
    }
    if (!listed) {
        mp_put_text(&w, text_of(key));
        mp_put_raw(&w, value);
    }
    cr_assert_eq(w.status, RESULT_OK);
}

static enum result parse(const struct buffer *header, enum envelope_kind kind, struct envelope *e)
{
    *e = (struct envelope){ .header_bytes = buffer_bytes(header) };
    return envelope_parse(e, kind);
}

Test(envelope, header_values_are_of_their_type_and_range, .timeout = 5)
{
    static const struct {
        const char *key;
        struct bytes value;
        enum result expected;
    } cases[] = {
        { "id", ID, RESULT_OK },
        { "id", RAW("\xc4\x0f" "0123456789abcde"), RESULT_MALFORMED },
        { "id", RAW("\xc4\x11" "0123456789abcdefg"), RESULT_MALFORMED },
        { "id", RAW("\xb0" "0123456789abcdef"), RESULT_MALFORMED }, { "id", RAW("\x05"), RESULT_MALFORMED },
        { "id", RAW("\xc0"), RESULT_MALFORMED },
        { "id", { 0 }, RESULT_MALFORMED }, { "op", { 0 }, RESULT_MALFORMED }, { "src", { 0 }, RESULT_MALFORMED },
        { "dst", { 0 }, RESULT_MALFORMED },
        { "skid", { 0 }, RESULT_MALFORMED }, { "dkid", { 0 }, RESULT_MALFORMED }, { "ts", { 0 }, RESULT_MALFORMED },
        { "ttl", { 0 }, RESULT_MALFORMED }, { "reply", { 0 }, RESULT_MALFORMED }, { "nonce", { 0 }, RESULT_MALFORMED },
        { "op", RAW("\xa0"), RESULT_OK }, { "op", RAW("\xa3" "a\0b"), RESULT_OK },
        { "op", RAW("\xd9\x40" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), RESULT_OK },
        { "op", RAW("\xd9\x41" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg"), RESULT_MALFORMED },
        { "op", RAW("\xc4\x01" "a"), RESULT_MALFORMED }, { "op", RAW("\x91\xa1o"), RESULT_MALFORMED },
        { "op", RAW("\xa2\xff\xfe"), RESULT_MALFORMED },
        { "src", RAW("\xa0"), RESULT_OK }, { "src", RAW("\xd9\x20" "0123456789abcdef0123456789abcdef"), RESULT_OK },
        { "src", RAW("\xd9\x21" "0123456789abcdef0123456789abcdefg"), RESULT_MALFORMED },
        { "dst", RAW("\xd9\x21" "0123456789abcdef0123456789abcdefg"), RESULT_MALFORMED },
        { "dst", RAW("\xc4\x01z"), RESULT_MALFORMED },
        { "skid", RAW("\xc4\x07" "0123456"), RESULT_MALFORMED }, { "skid", RAW("\xa8" "01234567"), RESULT_MALFORMED },
        { "dkid", RAW("\xc4\x09" "012345678"), RESULT_MALFORMED },
        { "ts", RAW("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), RESULT_OK }, { "ts", RAW("\xd3\0\0\0\0\0\0\0\x05"), RESULT_OK },
        { "ts", RAW("\x00"), RESULT_OK },
        { "ts", RAW("\xff"), RESULT_MALFORMED }, { "ts", RAW("\xc3"), RESULT_MALFORMED },
        { "ts", RAW("\xca\x3f\xc0\0\0"), RESULT_MALFORMED },
        { "ts", RAW("\xa1" "1"), RESULT_MALFORMED }, { "ts", RAW("\xc4\x01" "1"), RESULT_MALFORMED },
        { "ts", RAW("\xc0"), RESULT_MALFORMED },
        { "ttl", RAW("\x01"), RESULT_OK }, { "ttl", RAW("\xcd\xea\x60"), RESULT_OK },
        { "ttl", RAW("\xcf\0\0\0\0\0\0\0\x01"), RESULT_OK },
        { "ttl", RAW("\x00"), RESULT_MALFORMED }, { "ttl", RAW("\xcd\xea\x61"), RESULT_MALFORMED },
        { "ttl", RAW("\xcf\0\0\0\x01\0\0\0\x01"), RESULT_MALFORMED },
        { "ttl", RAW("\xff"), RESULT_MALFORMED }, { "ttl", RAW("\xc3"), RESULT_MALFORMED },
        { "reply", RAW("\x92\xa0\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), RESULT_OK },
        { "reply", RAW("\xa1t"), RESULT_MALFORMED }, { "reply", RAW("\x80"), RESULT_MALFORMED },
        { "reply", RAW("\x90"), RESULT_MALFORMED },
        { "reply", RAW("\x91\xa1t"), RESULT_MALFORMED }, { "reply", RAW("\x93\xa1t\0\0"), RESULT_MALFORMED },
        { "reply", RAW("\x92\0\xa1t"), RESULT_MALFORMED },
        { "reply", RAW("\x92\xa1t\xff"), RESULT_MALFORMED }, { "reply", RAW("\x92\xc4\x01t\0"), RESULT_MALFORMED },
        { "reply", RAW("\x92\xa1t\xca\x3f\x80\0\0"), RESULT_MALFORMED }, { "reply", RAW("\xc0"), RESULT_MALFORMED },
        { "nonce", RAW("\xc4\x17" "0123456789abcdef0123456"), RESULT_MALFORMED },
        { "nonce", RAW("\xb8" "0123456789abcdef01234567"), RESULT_MALFORMED },
        { "trace", RAW("\xa0"), RESULT_OK }, { "trace", RAW("\xa6" "00-a9f"), RESULT_OK },
        { "trace", RAW("\xd9\x40" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), RESULT_OK },
        { "trace", RAW("\xd9\x41" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"), RESULT_MALFORMED },
        { "trace", RAW("\xa1" "g"), RESULT_MALFORMED }, { "trace", RAW("\xa1" "A"), RESULT_MALFORMED },
        { "trace", RAW("\xa2" "a\n"), RESULT_MALFORMED },
        { "trace", RAW("\xc4\x01" "a"), RESULT_MALFORMED }, { "trace", RAW("\xc0"), RESULT_MALFORMED },
        { "re", ID, RESULT_MALFORMED }, { "n", RAW("\x92\xc4\x08" "01234567\x01"), RESULT_MALFORMED },
        { "later", RAW("\x01"), RESULT_OK }, { "later", RAW("\x81\xa1" "a\x92\x01\x81\xa1" "b\xc0"), RESULT_OK },
        { "later", RAW("\xd4\x05\x00"), RESULT_OK },
        { "later", RAW("\x82\x01\x02\x01\x02"), RESULT_OK },
        { "later", RAW("\xa2\xff\xfe"), RESULT_MALFORMED }, { "later", RAW("\xc1"), RESULT_MALFORMED },
        { "later", RAW("\x91\x91\x91\x91\x91\x91\x91\x01"), RESULT_OK },
        { "later", RAW("\x91\x91\x91\x91\x91\x91\x91\x91\x01"), RESULT_MALFORMED },
        { "\xff\xfe", RAW("\x01"), RESULT_MALFORMED }, { "\xc5\x99", RAW("\x01"), RESULT_OK },
    };
    struct buffer header;

    buffer_init(&header, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct envelope e;
        compose(cases[i].key, cases[i].value, &header);
        cr_assert_eq(parse(&header, ENVELOPE_REQUEST, &e), cases[i].expected, "case %zu: %s", i, cases[i].key);
    }
    buffer_free(&header);
}

Test(envelope, a_header_is_one_map_of_distinct_texts, .timeout = 5)
{
    static const struct {
        const char *what;
        struct bytes more;          /* after one pair more was promised */
        enum result expected;
    } cases[] = {
        { "an unlisted key", RAW("\xa1" "x\x01"), RESULT_OK },
        { "a listed key twice", RAW("\xa2op\xa4" "op.x"), RESULT_MALFORMED },
        { "a key that is a number", RAW("\x01\x02"), RESULT_MALFORMED },
        { "a key that is binary", RAW("\xc4\x01x\x02"), RESULT_MALFORMED },
        { "a pair without value", RAW("\xa1" "x"), RESULT_MALFORMED },
        { "a pair too many", RAW("\xa1" "x\x01\xa1" "y\x01"), RESULT_MALFORMED },
    };
    struct buffer header;
    struct envelope e;

    buffer_init(&header, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        compose("ts", (struct bytes)RAW("\x05"), &header);
        header.data[0]++;
        cr_assert_eq(buffer_append(&header, cases[i].more.data, cases[i].more.len), RESULT_OK);
        cr_assert_eq(parse(&header, ENVELOPE_REQUEST, &e), cases[i].expected, "%s", cases[i].what);
    }

    compose("later", (struct bytes)RAW("\x01"), &header);
    header.data[0] += 2;
    cr_assert_eq(buffer_append(&header, "\xa1z\x01\xa5later\x02", 10), RESULT_OK);
    cr_assert_eq(parse(&header, ENVELOPE_REQUEST, &e), RESULT_MALFORMED, "an unlisted key twice");

    static const struct bytes no_maps[] = { RAW(""), RAW("\x80"), RAW("\x93\x01\x02\x03"), RAW("\xdf\x04\0\0\0\xa1x\x01"),
                                            RAW("\xdd\x04\0\0\0\x01") };
    for (size_t i = 0; i < sizeof(no_maps) / sizeof(no_maps[0]); i++) {
        e = (struct envelope){ .header_bytes = no_maps[i] };
        cr_assert_eq(envelope_parse(&e, ENVELOPE_REQUEST), RESULT_MALFORMED);
    }
    buffer_free(&header);
}

Test(envelope, a_header_has_1024_bytes_at_most, .timeout = 5)
{
    struct buffer header, pad;
    struct envelope e;

    buffer_init(&header, 4096);
    buffer_init(&pad, 4096);
    for (size_t total = 1024; total <= 1025; total++) {
        compose("pad", (struct bytes)RAW("\xc5\0\0"), &header);
        size_t fill = total - header.len;
        uint8_t head[3] = { 0xc5, (uint8_t)(fill >> 8), (uint8_t)fill };

        buffer_reset(&pad);
        cr_assert_eq(buffer_append(&pad, head, 3), RESULT_OK);
        for (size_t i = 0; i < fill; i++)
            cr_assert_eq(buffer_append(&pad, "z", 1), RESULT_OK);
        compose("pad", buffer_bytes(&pad), &header);
        cr_assert_eq(header.len, total);
        cr_assert_eq(parse(&header, ENVELOPE_REQUEST, &e), total == 1024 ? RESULT_OK : RESULT_MALFORMED);
    }
    buffer_free(&pad);
    buffer_free(&header);
}

Test(envelope, as_many_keys_as_fit_are_compared, .timeout = 5)
{
    struct buffer header;
    struct envelope e;

    buffer_init(&header, ENVELOPE_HEADER_MAX);
    struct mp_writer w = mp_writer_to(&header);
    mp_put_map(&w, 300);
    for (unsigned i = 0; i < 300; i++) {
        char key[2] = { (char)('a' + i % 26), (char)('a' + i / 26) };
        mp_put_text(&w, (struct text){ key, i < 26 ? 1 : 2 });
    }
    /* 300 keys in 300 places: every other one is the value of the one before, so half are keys. */
    header.data[1] = 0;
    header.data[2] = 150;
    cr_assert_eq(parse(&header, ENVELOPE_REQUEST, &e), RESULT_MALFORMED, "nothing listed in it");
    buffer_free(&header);
}

/* ---- both ways ------------------------------------------------------------------------------------------------ */

Test(envelope, what_is_written_is_read_for_its_kind_only, .timeout = 5)
{
    struct buffer out;

    buffer_init(&out, ENVELOPE_HEADER_MAX);
    for (enum envelope_kind written = ENVELOPE_REQUEST; written <= ENVELOPE_REVOCATION; written++) {
        struct envelope_header h = party_header(written, "auth.session.list", "backend", "auth", NOW);

        h.trace = TEXT("00-abc");
        h.has_n = true;
        h.n = UINT64_MAX;
        buffer_reset(&out);
        cr_assert_eq(envelope_write_header(&h, written, &out), RESULT_OK);

        for (enum envelope_kind read = ENVELOPE_REQUEST; read <= ENVELOPE_REVOCATION; read++) {
            struct envelope e;
            /* A revocation is an event without `n`, which an event need not have: their ops tell them apart. */
            bool fits = read == written || (written == ENVELOPE_REVOCATION && read == ENVELOPE_EVENT);
            cr_assert_eq(parse(&out, read, &e), fits ? RESULT_OK : RESULT_MALFORMED, "%d as %d", written, read);
            if (read != written)
                continue;
            cr_assert(text_equal(e.header.op, h.op) && text_equal(e.header.src, h.src) && text_equal(e.header.dst, h.dst));
            cr_assert(text_equal(e.header.trace, h.trace) && e.header.ts == NOW && uuid_time_ms(&e.header.id) == NOW);
            cr_assert_arr_eq(e.header.nonce, h.nonce, sizeof(h.nonce));
            cr_assert_eq(e.header.ttl, written == ENVELOPE_REQUEST ? 5000u : 0u);
            cr_assert_eq(e.header.has_n, written == ENVELOPE_EVENT);
            cr_assert_eq(e.header.n, written == ENVELOPE_EVENT ? UINT64_MAX : 0);
        }
    }
    buffer_free(&out);
}

Test(envelope, does_not_write_what_it_would_not_read, .timeout = 5)
{
    static const char seventy[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    struct envelope_header good = party_header(ENVELOPE_REQUEST, "auth.session.list", "backend", "auth", NOW), h;
    struct buffer out;

    buffer_init(&out, 4096);
#define REFUSED(change, expected)                                                           \
    do {                                                                                    \
        h = good;                                                                           \
        change;                                                                             \
        cr_assert_eq(envelope_write_header(&h, ENVELOPE_REQUEST, &out), expected, #change); \
        cr_assert_eq(out.len, 0);                                                           \
    } while (0)
    REFUSED(h.op = text_of(seventy), RESULT_OUT_OF_RANGE);
    REFUSED(h.src = text_of(seventy), RESULT_OUT_OF_RANGE);
    REFUSED(h.dst.data = NULL, RESULT_OUT_OF_RANGE);
    REFUSED(h.ttl = 0, RESULT_OUT_OF_RANGE);
    REFUSED(h.ttl = 60001, RESULT_OUT_OF_RANGE);
    REFUSED(h.trace = TEXT("xyz"), RESULT_OUT_OF_RANGE);
    REFUSED(h.trace = text_of(seventy), RESULT_OUT_OF_RANGE);
    REFUSED(h.reply_topic = (struct text){ 0 }, RESULT_OUT_OF_RANGE);
    static char long_topic[1024];
    memset(long_topic, 't', sizeof(long_topic));
    REFUSED(h.reply_topic = ((struct text){ long_topic, sizeof(long_topic) }), RESULT_TOO_LARGE);
#undef REFUSED
    buffer_free(&out);
}
