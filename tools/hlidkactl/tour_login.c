/* Who the tour's person is: a login that Telegram signed, what the app asks about it, and its end everywhere. */
#include "tour.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "entropy.h"
#include "file.h"

#define SPREAD 48                       /* Kafka keys enough to meet every partition, so every instance, of 12 */
#define REVOKED_WITHIN_NS UINT64_C(5000000000)

struct person {
    char id[24], first_name[48], auth_date[24];
};

/* Telegram Login Widget: HMAC-SHA-256 under SHA-256(bot token) over the sorted lines "key=value". */
static int sign(struct tour *t, const struct person *p, char hex[2 * crypto_auth_hmacsha256_BYTES + 1])
{
    crypto_auth_hmacsha256_state state;
    uint8_t key[crypto_hash_sha256_BYTES], mac[crypto_auth_hmacsha256_BYTES];
    char lines[160];
    struct secret *token;
    struct buffer why;

    buffer_init(&why, 1024);
    if (!t->token_file || file_read_secret(t->token_file, &token, &why)) {
        complain("the bot's token: %.*s", (int)why.len, why.data ? (const char *)why.data : "say where (HLIDKA_TELEGRAM_TOKEN_FILE)");
        buffer_free(&why);
        return EXIT_USAGE;
    }
    buffer_free(&why);
    crypto_hash_sha256(key, secret_bytes(token).data, secret_bytes(token).len);
    secret_free(token);
    snprintf(lines, sizeof(lines), "auth_date=%s\nfirst_name=%s\nid=%s", p->auth_date, p->first_name, p->id);
    crypto_auth_hmacsha256_init(&state, key, sizeof(key));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)lines, strlen(lines));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, 2 * sizeof(mac) + 1, mac, sizeof(mac));
    sodium_memzero(key, sizeof(key));
    return EXIT_DONE;
}

struct hlidka_body *tour_login_body(struct tour *t, bool forged)
{
    struct person p;
    char hash[2 * crypto_auth_hmacsha256_BYTES + 1];

    snprintf(p.id, sizeof(p.id), "%s", t->telegram_id);
    snprintf(p.first_name, sizeof(p.first_name), "Kanárek-%s", t->telegram_id);
    snprintf(p.auth_date, sizeof(p.auth_date), "%" PRIu64, clock_unix_ms() / 1000);
    if (sign(t, &p, hash))
        return NULL;
    if (forged)
        hash[0] = hash[0] == '0' ? '1' : '0';

    struct hlidka_body *body = hlidka_body_new();
    hlidka_begin_map(body, "fields");
    hlidka_put_text(body, "id", p.id);
    hlidka_put_text(body, "first_name", p.first_name);
    hlidka_put_text(body, "auth_date", p.auth_date);
    hlidka_put_text(body, "hash", hash);
    hlidka_end(body);
    hlidka_begin_map(body, "device");
    hlidka_put_text(body, "type", "web");
    hlidka_put_text(body, "info", "Firefox 145 on Debian");
    hlidka_put_text(body, "ip", t->address);
    hlidka_end(body);
    return body;
}

/* Somebody whom no test has met, from an address of 2001:db8::/32 (RFC 3849). */
static int invent(struct tour *t)
{
    uint8_t random[16];
    uint64_t id;
    char name[48];

    entropy_fill(random, sizeof(random));
    memcpy(&id, random, sizeof(id));
    snprintf(t->telegram_id, sizeof(t->telegram_id), "%" PRIu64, UINT64_C(7000000000) + id % UINT64_C(1000000000));
    snprintf(t->address, sizeof(t->address), "2001:db8:%x:%x:%x:%x:%x:%x", random[8] | 0x100, random[9] | 0x200, random[10] | 0x300,
             random[11] | 0x400, random[12] | 0x500, random[13] | 0x600);
    snprintf(name, sizeof(name), "Kanárek-%s", t->telegram_id);
    int code = tour_plant(t, "telegram-name", text_bytes(text_of(name)));
    return code ? code : tour_plant(t, "address", text_bytes(text_of(t->address)));
}

int tour_login(struct tour *t)
{
    uint64_t began = clock_boot_ns();
    int code = invent(t);

    if (code)
        return code;
    struct hlidka_body *body = tour_login_body(t, false);
    if (!body)
        return EXIT_USAGE;
    if ((code = tour_ask(t, &(struct tour_question){ .op = "auth.login.telegram_widget", .body = body })))
        return code;
    tour_copy(tour_got(t, "user_id"), t->user, sizeof(t->user));
    tour_copy(tour_got(t, "token"), t->token, sizeof(t->token));
    if (strncmp(t->token, "hls_", 4) != 0 || !*t->user)
        return tour_wrong("the login gave no session");
    tour_step(began, "a login that Telegram signed: user %s", t->user);
    struct hlidka_value cookie = tour_got(t, "cookie");
    const char *attributes = memchr(cookie.text, ';', cookie.len);
    if (attributes)
        printf("    Set-Cookie: __Host-hlidka=…%.*s\n", (int)(cookie.len - (size_t)(attributes - cookie.text)), attributes);
    return tour_plant(t, "token", text_bytes(text_of(t->token)));
}

static int introspect(struct tour *t, struct hlidka_bytes key)
{
    struct hlidka_body *body = hlidka_body_new();

    hlidka_put_text(body, "token", t->token);
    hlidka_put_text(body, "ip", t->address);
    return tour_ask(t, &(struct tour_question){ .op = "auth.session.introspect", .body = body, .key = key });
}

/* With keys of every partition, so that every instance holds the session in memory afterwards. */
static int introspect_everywhere(struct tour *t, bool *active)
{
    *active = false;
    for (uint32_t i = 0; i < SPREAD; i++) {
        int code = introspect(t, (struct hlidka_bytes){ &i, sizeof(i) });
        if (code)
            return code;
        *active = *active || tour_got(t, "active").boolean;
    }
    return EXIT_DONE;
}

int tour_introspect(struct tour *t)
{
    uint64_t began = clock_boot_ns();
    int code = introspect(t, (struct hlidka_bytes){ NULL, 0 });

    if (code)
        return code;
    if (!tour_got(t, "active").boolean || !tour_is(tour_got(t, "user_id"), t->user))
        return tour_wrong("the session is not active, or somebody else's");
    tour_step(began, "its token, introspected: active, aal %" PRIu64, tour_got(t, "aal").uint);
    return EXIT_DONE;
}

int tour_devices(struct tour *t)
{
    uint64_t began = clock_boot_ns();
    struct hlidka_body *body = hlidka_body_new();
    struct hlidka_value device;

    hlidka_put_text(body, "user_id", t->user);
    hlidka_put_text(body, "token", t->token);
    int code = tour_ask(t, &(struct tour_question){ .op = "auth.session.list", .body = body });
    if (code)
        return code;
    struct hlidka_cursor at = hlidka_walk(tour_got(t, "sessions").bytes);
    if (!hlidka_next(&at, NULL, &device) || !hlidka_get(device.bytes, "current").boolean)
        return tour_wrong("the device list does not show this session");
    struct hlidka_value info = hlidka_get(device.bytes, "device_info"), ip = hlidka_get(device.bytes, "ip");
    tour_step(began, "the device list: %.*s, from %.*s, this one", (int)info.len, info.text, (int)ip.len, ip.text);
    return EXIT_DONE;
}

int tour_revoke_all(struct tour *t)
{
    struct hlidka_body *body = hlidka_body_new();
    bool active;
    int code = introspect_everywhere(t, &active);

    hlidka_put_text(body, "user_id", t->user);
    uint64_t began = clock_boot_ns(), last_active = began;
    if (code) {
        hlidka_body_free(body);
        return code;
    }
    if ((code = tour_ask(t, &(struct tour_question){ .op = "auth.session.revoke_all", .body = body })))
        return code;
    if (tour_got(t, "revoked").uint == 0)
        return tour_wrong("revoke-all found nothing to revoke");
    uint64_t answered = clock_boot_ns();
    do {
        uint64_t now = clock_boot_ns();
        if ((code = introspect_everywhere(t, &active)))
            return code;
        if (active)
            last_active = now;
        if (active && now - began > REVOKED_WITHIN_NS)
            return tour_wrong("a revoked session is still active");
    } while (active);
    if (last_active == began)
        tour_step(began, "signed out everywhere: answered in %.1f ms, and nobody took the session for active after that",
                  (double)(answered - began) / 1e6);
    else
        tour_step(began, "signed out everywhere: answered in %.1f ms, last taken for active after %.1f ms",
                  (double)(answered - began) / 1e6, (double)(last_active - began) / 1e6);
    return EXIT_DONE;
}
