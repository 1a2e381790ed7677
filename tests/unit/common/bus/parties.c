#include "parties.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *party_file(const void *content, size_t len, unsigned mode)
{
    static char paths[64][32];
    static unsigned next;
    int fd = memfd_create("party", 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, content, len), (ssize_t)len);
    cr_assert_eq(fchmod(fd, mode), 0);
    cr_assert_lt(next, 64);
    snprintf(paths[next], sizeof(paths[next]), "/proc/self/fd/%d", fd);
    return paths[next++];
}

struct keyring *party_keyring(const char *key_lines, const char *sign_lines)
{
    const char *keys = party_file(key_lines, strlen(key_lines), 0600);
    const char *signs = sign_lines ? party_file(sign_lines, strlen(sign_lines), 0600) : NULL;
    struct keyring *k = NULL;
    struct buffer why;

    cr_assert_geq(sodium_init(), 0);
    buffer_init(&why, 4096);
    enum result r = keyring_load(keys, signs, &k, &why);
    cr_assert_eq(r, RESULT_OK, "%s: %.*s", result_text(r), (int)why.len, why.data ? (char *)why.data : "");
    buffer_free(&why);
    return k;
}

struct keyring *party_backend(void) { return party_keyring(BACKEND_KEY "\n", NULL); }
struct keyring *party_service(void) { return party_keyring(SERVICE_KEY "\n", NULL); }
struct keyring *party_edge(void) { return party_keyring(EDGE_KEY "\n", NULL); }
struct keyring *party_ops(void) { return party_keyring(OPS_KEY "\n", SIGN_SEED "\n"); }

static const char *base64(const uint8_t key[32])
{
    static char texts[8][64];
    static unsigned next;
    char *out = texts[next++ % 8];

    return sodium_bin2base64(out, 64, key, 32, sodium_base64_VARIANT_ORIGINAL);
}

static const char *public_of(uint8_t byte)
{
    uint8_t secret[32], public[32];

    memset(secret, byte, sizeof(secret));
    crypto_scalarmult_base(public, secret);
    return base64(public);
}

static const char *signer_of(uint8_t byte)
{
    uint8_t seed[32], public[32], secret[64];

    memset(seed, byte, sizeof(seed));
    crypto_sign_seed_keypair(public, secret, seed);
    return base64(public);
}

struct principals *party_principals(const char *service)
{
    struct principals *p = NULL;
    struct buffer yaml, why;

    cr_assert_geq(sodium_init(), 0);
    buffer_init(&yaml, 1 << 16);
    buffer_init(&why, 4096);
    cr_assert_eq(buffer_printf(&yaml,
        "principals:\n"
        "  backend: { keys: [%s], may: [\"auth.*\", \"crypto.*\", \"ratelimit.*\", \"event:app.*\"] }\n"
        "  edge: { keys: [%s], may: [\"auth.session.introspect\", \"ratelimit.check\"] }\n"
        "  ops: { keys: [%s], signs: [%s], may: [\"*\"] }\n"
        "  %s: { keys: [%s], may: [\"event:auth.*\"] }\n",
        public_of(0x11), public_of(0x44), public_of(0x55), signer_of(0x33), service, public_of(0x22)), RESULT_OK);
    enum result r = principals_parse(buffer_bytes(&yaml), "test", &p, &why);
    cr_assert_eq(r, RESULT_OK, "%.*s", (int)why.len, why.data ? (char *)why.data : "");
    buffer_free(&why);
    buffer_free(&yaml);
    return p;
}

struct envelope_header party_header(enum envelope_kind kind, const char *op, const char *src, const char *dst, uint64_t now_ms)
{
    static char reply[64];
    struct envelope_header h = { .op = text_of(op), .src = text_of(src), .dst = text_of(dst), .ts = now_ms };

    h.id = uuid_v7(now_ms, (const uint8_t *)"0123456789");
    memset(h.nonce, 7, sizeof(h.nonce));
    if (kind == ENVELOPE_REQUEST) {
        snprintf(reply, sizeof(reply), "hlidka.replies.%s", src);
        h.ttl = 5000;
        h.reply_topic = text_of(reply);
        h.reply_partition = 3;
    }
    return h;
}
