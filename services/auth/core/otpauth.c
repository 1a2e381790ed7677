#include "otpauth.h"

void otpauth_secret(const uint8_t secret[TOTP_SECRET_LEN], char text[OTPAUTH_SECRET_LEN + 1])
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /* Five bytes are eight letters. */
    for (size_t i = 0; i < TOTP_SECRET_LEN; i += 5) {
        uint64_t bits = (uint64_t)secret[i] << 32 | bytes_get_u32(secret + i + 1);

        for (unsigned shift = 40; shift > 0; shift -= 5)
            *text++ = ALPHABET[bits >> (shift - 5) & 31];
    }
    *text = '\0';
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* RFC 3986 section 2.1: whatever is not unreserved, the colon between issuer and label included. */
static enum result append_encoded(struct buffer *out, struct text t)
{
    enum result r = RESULT_OK;

    for (size_t i = 0; !r && i < t.len; i++)
        r = is_unreserved(t.data[i]) ? buffer_append(out, &t.data[i], 1) : buffer_printf(out, "%%%02X", (unsigned char)t.data[i]);
    return r;
}

enum result otpauth_uri(struct text issuer, struct text label, const char *secret, struct buffer *out)
{
    enum result r = buffer_append_text(out, TEXT("otpauth://totp/"));

    if (!r)
        r = append_encoded(out, issuer);
    if (!r)
        r = buffer_append_text(out, TEXT(":"));
    if (!r)
        r = append_encoded(out, label);
    if (!r)
        r = buffer_append_text(out, TEXT("?secret="));
    if (!r)
        r = buffer_append_text(out, text_of(secret));
    if (!r)
        r = buffer_append_text(out, TEXT("&issuer="));
    if (!r)
        r = append_encoded(out, issuer);
    return r ? r : buffer_append_text(out, TEXT("&algorithm=SHA1&digits=6&period=30"));
}
