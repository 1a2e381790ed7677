/*
 * What a peer brings to auth: fields that claim to be Telegram's, init data, tokens, codes, and a device as a row may hold it.
 * The first byte chooses. Fields are separated by 0xff, key from value by 0xfe. Nothing verifies; a token that parses is
 * the one that is made of its parts; a backup code that parses is written in one way; a device that decodes is encoded
 * again.
 */
#include "backup_code.h"
#include "device.h"
#include "init_data.h"
#include "token.h"
#include "totp.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct telegram_bot bot;

static void start(void)
{
    if (bot.widget)
        return;
    if (sodium_init() < 0 || telegram_bot_open(TEXT("42:TEST"), &bot))
        abort();
}

static size_t split(struct bytes in, struct telegram_field fields[TELEGRAM_FIELDS_MAX])
{
    size_t count = 0;

    while (in.len > 0 && count < TELEGRAM_FIELDS_MAX - 1) {
        const uint8_t *end = memchr(in.data, 0xff, in.len);
        size_t len = end ? (size_t)(end - in.data) : in.len;
        const uint8_t *mid = memchr(in.data, 0xfe, len);
        size_t key = mid ? (size_t)(mid - in.data) : len;

        fields[count++] = (struct telegram_field){
            { (const char *)in.data, key },
            { (const char *)in.data + (mid ? key + 1 : len), mid ? len - key - 1 : 0 },
        };
        in.data += end ? len + 1 : len;
        in.len -= end ? len + 1 : len;
    }
    return count;
}

static void fields(struct bytes in)
{
    struct telegram_field f[TELEGRAM_FIELDS_MAX];
    struct telegram_login login;
    char id[TELEGRAM_ID_MAX + 1];
    size_t count = split(in, f);

    telegram_claimed_widget(f, count, id);
    /* Nobody without the key hits 256 bits. */
    if (!telegram_verify_widget(&bot, f, count, &login))
        abort();
}

static void init_data(struct bytes in)
{
    struct telegram_field f[TELEGRAM_FIELDS_MAX];
    struct telegram_login login;
    char id[TELEGRAM_ID_MAX + 1], *memory = malloc(in.len + !in.len);
    size_t count, len = 0;

    if (!memory)
        return;
    if (!init_data_split((struct text){ (const char *)in.data, in.len }, memory, f, &count)) {
        for (size_t i = 0; i < count; i++)
            len += f[i].key.len + f[i].value.len + 1;
        if (len > in.len)
            abort();
        telegram_claimed_webapp(f, count, id);
        if (strlen(id) != strspn(id, "0123456789") || !telegram_verify_webapp(&bot, f, count, &login))
            abort();
    }
    free(memory);
}

static void token(struct bytes in)
{
    struct token t;
    uint8_t raw[48], digest[TOKEN_DIGEST_LEN];
    char text[TOKEN_TEXT_LEN + 1];
    struct uuid id;
    size_t len;

    if (token_parse((struct text){ (const char *)in.data, in.len }, &t))
        return;
    if (sodium_base642bin(raw, sizeof(raw), (const char *)in.data + 4, in.len - 4, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 || len != sizeof(raw))
        abort();
    memcpy(id.bytes, raw, 16);
    token_make(&id, raw + 16, text, digest);
    if (memcmp(text, in.data, TOKEN_TEXT_LEN) != 0 || !token_matches(&t, (struct bytes){ digest, sizeof(digest) }))
        abort();
}

static void code(struct bytes in)
{
    struct text given = { (const char *)in.data, in.len };
    uint8_t bits[BACKUP_CODE_LEN], again[BACKUP_CODE_LEN];
    char text[BACKUP_CODE_TEXT_LEN + 1];
    uint64_t step = 0;

    if (!backup_code_parse(given, bits)) {
        backup_code_format(bits, text);
        if (totp_is_code(given) || backup_code_parse(text_of(text), again) || memcmp(bits, again, sizeof(bits)) != 0)
            abort();
    }
    if (totp_check((const uint8_t *)"12345678901234567890", given, 2, 60000, &step) == TOTP_RIGHT && step != 3)
        abort();
}

static void device(struct bytes in)
{
    struct device d;
    struct buffer out;

    if (device_decode(in, &d))
        return;
    buffer_init(&out, in.len + DEVICE_ENCODED_MAX);
    struct device again;
    if (device_encode(&d, &out) || device_decode(buffer_bytes(&out), &again) || !text_equal(d.info, again.info)
        || !text_equal(d.id, again.id) || memcmp(&d.ip, &again.ip, sizeof(d.ip)) != 0)
        abort();
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = { data + 1, size - 1 };

    start();
    if (size == 0)
        return 0;
    if (data[0] == 3)
        init_data(in);
    else if (data[0] == 4)
        code(in);
    else if (data[0] % 3 == 0)
        fields(in);
    else if (data[0] % 3 == 1)
        token(in);
    else
        device(in);
    return 0;
}
