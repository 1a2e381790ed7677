#include "totp.h"

#include "secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SHA1_LEN 20

uint32_t hotp(struct bytes key, uint64_t counter, unsigned digits)
{
    uint8_t message[8], mac[SHA1_LEN];
    unsigned len = 0;
    uint32_t modulus = 1;

    bytes_put_u64(message, counter);
    /* Fails only without memory; a code of zeros would then be right. Hence a number that no code has. */
    if (!HMAC(EVP_sha1(), key.data, (int)key.len, message, sizeof(message), mac, &len) || len != sizeof(mac))
        return UINT32_MAX;
    uint32_t binary = bytes_get_u32(mac + (mac[SHA1_LEN - 1] & 0x0f)) & 0x7fffffff;
    secret_wipe(mac, sizeof(mac));
    while (digits-- > 0)
        modulus *= 10;
    return binary % modulus;
}

bool totp_is_code(struct text code)
{
    if (code.len != TOTP_DIGITS)
        return false;
    for (size_t i = 0; i < code.len; i++)
        if (code.data[i] < '0' || code.data[i] > '9')
            return false;
    return true;
}

enum totp_verdict totp_check(const uint8_t secret[TOTP_SECRET_LEN], struct text code, uint64_t last_step, uint64_t now_ms,
                             uint64_t *step)
{
    struct bytes key = { secret, TOTP_SECRET_LEN };
    uint64_t now = now_ms / TOTP_STEP_MS, found = 0;
    uint32_t given = 0;
    bool known = false;

    if (!totp_is_code(code))
        return TOTP_WRONG;
    for (size_t i = 0; i < code.len; i++)
        given = given * 10 + (uint32_t)(code.data[i] - '0');
    /* All of them, in this order: of two steps with one code the later counts. */
    for (uint64_t s = now > 0 ? now - 1 : 0; s <= now + 1; s++) {
        bool same = hotp(key, s, TOTP_DIGITS) == given;

        known |= same;
        found = same ? s : found;
    }
    if (!known)
        return TOTP_WRONG;
    if (found <= last_step)
        return TOTP_USED;
    *step = found;
    return TOTP_RIGHT;
}
