/*
 * The receiver's whole order with fixed keys. The first byte picks the topic's kind and how far the input is helped:
 * as it is; as a header that is honestly sealed; as a body under an honest header; the second who sends. So half of
 * what is tried has passed authentication. A verdict is never at odds with itself.
 */
#include "receive.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW UINT64_C(1764000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* ---- fixed parties: secret keys of 32 equal bytes, as in the unit tests ---------------------------------------- */

static struct keyring *service, *backend, *ops;
static struct principals *principals;

static const char *base64_of(const uint8_t raw[32], char out[64])
{
    return sodium_bin2base64(out, 64, raw, 32, sodium_base64_VARIANT_ORIGINAL);
}

static const char *secret_file(uint8_t byte, char path[32])
{
    uint8_t raw[32];
    char line[64];
    int fd = memfd_create("key", 0);

    memset(raw, byte, sizeof(raw));
    base64_of(raw, line);
    require(fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line) && fchmod(fd, 0600) == 0);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return path;
}

static struct keyring *keyring_of(uint8_t byte, uint8_t sign_byte)
{
    struct keyring *k;
    struct buffer why;
    char path[32], sign_path[32];

    buffer_init(&why, 1024);
    require(keyring_load(secret_file(byte, path), sign_byte ? secret_file(sign_byte, sign_path) : NULL, &k, &why) == RESULT_OK);
    buffer_free(&why);
    return k;
}

static void set_up(void)
{
    struct buffer yaml, why;
    char of_backend[64], of_ops[64], of_service[64], of_signer[64];

    require(sodium_init() >= 0);
    service = keyring_of(0x22, 0);
    backend = keyring_of(0x11, 0);
    ops = keyring_of(0x55, 0x33);
    buffer_init(&yaml, 4096);
    buffer_init(&why, 4096);
    require(buffer_printf(&yaml, "principals:\n  backend: { keys: [%s], may: [\"ratelimit.*\", \"event:app.*\"] }\n"
                                 "  ops: { keys: [%s], signs: [%s], may: [\"*\"] }\n  ratelimit: { keys: [%s] }\n",
                          base64_of(keyring_own(backend)->public_key, of_backend),
                          base64_of(keyring_own(ops)->public_key, of_ops),
                          base64_of(keyring_signer(ops)->public_key, of_signer),
                          base64_of(keyring_own(service)->public_key, of_service)) == RESULT_OK);
    require(principals_parse(buffer_bytes(&yaml), "f", &principals, &why) == RESULT_OK);
    buffer_free(&why);
    buffer_free(&yaml);
}

/* Every op has a handler here, so that every schema is reached. */
static const struct op *find_op(void *cookie, struct text name)
{
    (void)cookie;
    return ops_find(name);
}

static uint32_t partitions(void *cookie, struct text topic)
{
    (void)cookie;
    (void)topic;
    return 12;
}

/* ---- the input as a message ------------------------------------------------------------------------------------ */

static void seal(struct keyring *from, const struct envelope_header *h, struct bytes header, struct bytes body,
                 struct buffer *value)
{
    struct envelope_header keyed = *h;
    bool sign = keyring_signer(from) != NULL;

    keyed.skid = keyring_own(from)->id;
    keyed.dkid = keyring_own(service)->id;
    require(seal_value(from, SEAL_INITIATOR, keyring_own(service), &keyed, header, body, sign, value) == RESULT_OK);
}

static void seal_header(struct keyring *from, enum envelope_kind kind, struct bytes input, struct buffer *value)
{
    static const uint8_t empty_map = 0x80;
    struct envelope e = { .header_bytes = input };

    if (envelope_parse(&e, kind) == RESULT_OK)
        seal(from, &e.header, input, (struct bytes){ &empty_map, 1 }, value);
}

/* The op comes first, up to a NUL; the rest is the body. */
static void seal_body(struct keyring *from, enum envelope_kind kind, struct bytes input, struct buffer *value)
{
    const uint8_t *end = input.len > 0 ? memchr(input.data, 0, input.len) : NULL;
    struct envelope_header h = {
        .id = uuid_v7(NOW, (const uint8_t *)"0123456789"),
        .src = from == ops ? TEXT("ops") : from == service ? TEXT("ratelimit") : TEXT("backend"),
        .dst = TEXT("ratelimit"), .ts = NOW, .ttl = 5000, .skid = keyring_own(from)->id, .dkid = keyring_own(service)->id,
        .reply_topic = from == ops ? TEXT("hlidka.replies.ops") : TEXT("hlidka.replies.backend"),
    };
    struct buffer header;

    if (!end || (size_t)(end - input.data) > ENVELOPE_OP_MAX || kind == ENVELOPE_REPLY)
        return;
    h.op = (struct text){ (const char *)input.data, (size_t)(end - input.data) };
    buffer_init(&header, ENVELOPE_HEADER_MAX);
    require(envelope_write_header(&h, kind, &header) == RESULT_OK);
    seal(from, &h, buffer_bytes(&header), (struct bytes){ end + 1, input.len - h.op.len - 1 }, value);
    buffer_free(&header);
}

static void check(const struct verdict *v, enum envelope_kind kind)
{
    switch (v->kind) {
    case VERDICT_DEAD:
        require(v->reason < DEAD_REASONS && !v->answerable);
        require(!v->unframed || (!v->source && (v->reason == DEAD_MALFORMED || v->reason == DEAD_TOO_LARGE)));
        break;
    case VERDICT_DROP:
        require(kind == ENVELOPE_REQUEST && v->source && v->answerable);
        break;
    case VERDICT_REFUSE:
        require(kind == ENVELOPE_REQUEST && v->source && v->answerable && v->fault.code < FAULT_COUNT);
        require((v->fault.code == FAULT_INVALID_REQUEST) == (v->fault.errors != NULL));
        break;
    case VERDICT_SERVE:
        require(kind == ENVELOPE_REQUEST && v->source && v->answerable && v->op && v->decoded);
        require(!(v->op->flags & OP_SIGNED) || v->envelope.sig.data);
        break;
    case VERDICT_EVENT:
        require((kind == ENVELOPE_EVENT || kind == ENVELOPE_REVOCATION) && v->source && v->op && v->decoded && !v->answerable);
        break;
    case VERDICT_FAILED:
        abort();        /* there is memory */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct verdict v;
    struct buffer value, body;
    struct arena arena;

    if (!principals)
        set_up();
    if (len < 2 || len > 100000)
        return 0;

    enum envelope_kind kind = (enum envelope_kind)(data[0] & 3);
    struct keyring *from = data[1] % 3 == 0 ? backend : data[1] % 3 == 1 ? ops : service;
    struct bytes input = { data + 2, len - 2 };
    const struct receiver r = {
        .self = TEXT("ratelimit"), .service = TEXT("ratelimit"), .prefix = TEXT("hlidka."), .kind = kind,
        .principals = principals,
        .keyring = service, .find_op = find_op, .partitions = partitions, .ahead_ms = 60000, .age_ms = 900000,
        .ttl_max_ms = 60000,
    };

    buffer_init(&value, ENVELOPE_VALUE_MAX);
    buffer_init(&body, ENVELOPE_VALUE_MAX);
    arena_init(&arena, NULL, 0, 4 << 20);
    if (data[0] & 4)
        seal_body(from, kind, input, &value);
    else if (data[0] & 8)
        seal_header(from, kind, input, &value);
    receive(&r, value.len > 0 ? buffer_bytes(&value) : input, NOW, &body, &arena, &v);
    check(&v, kind);
    arena_reset(&arena);
    buffer_free(&body);
    buffer_free(&value);
    return 0;
}
