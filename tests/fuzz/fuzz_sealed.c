/*
 * What peers send sealed: ciphertexts and wrapped data keys. The first byte chooses the form; what is given must be refused
 * without a trace of plaintext, what is sealed here from it must open as it was.
 */
#include "ciphertext.h"
#include "wrapped_key.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct secret *key;

static void start(void)
{
    if (key)
        return;
    if (sodium_init() < 0 || secret_from("0123456789abcdef0123456789abcdef", 32, &key))
        abort();
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void foreign_ciphertext(struct bytes in)
{
    const struct context none = { .count = 0 };
    const struct ciphertext_about about = { TEXT("backend"), &none };
    struct ciphertext_head head;
    size_t len;

    if (ciphertext_read(in, &head, &len))
        return;
    check(len < in.len && CIPHERTEXT_LEN(len) == in.len);
    uint8_t *out = malloc(len + 1);
    check(out && ciphertext_open(secret_bytes(key), &about, in, out) == RESULT_NOT_AUTHENTIC);
    free(out);
}

/* Borders of the context's strings are the fuzzer's, too. */
static void own_ciphertext(struct bytes in)
{
    struct context context = { .count = 0 }, other;
    struct ciphertext_head head = { .version = 1 }, got;
    uint8_t salt[COBBLESTONE_SALT_LEN] = { 0 }, *sealed, *out;
    size_t len, cut = in.len > 0 ? in.data[0] % (in.len < 64 ? in.len + 1 : 64) : 0;

    context.pairs[context.count++] = (struct context_pair){ TEXT("k"), { (const char *)in.data, cut } };
    other = context;
    other.pairs[0].value.len = cut ? cut - 1 : 0;
    sealed = malloc(CIPHERTEXT_LEN(in.len));
    out = malloc(in.len + 1);
    check(sealed && out);
    check(!ciphertext_seal(secret_bytes(key), &head, &(struct ciphertext_about){ TEXT("r"), &context }, salt, in, sealed));
    struct bytes whole = { sealed, CIPHERTEXT_LEN(in.len) };
    check(!ciphertext_read(whole, &got, &len) && len == in.len && !got.owned);
    check(!ciphertext_open(secret_bytes(key), &(struct ciphertext_about){ TEXT("r"), &context }, whole, out));
    check(in.len == 0 || memcmp(out, in.data, in.len) == 0);
    if (cut)
        check(ciphertext_open(secret_bytes(key), &(struct ciphertext_about){ TEXT("r"), &other }, whole, out) == RESULT_NOT_AUTHENTIC);
    free(sealed);
    free(out);
}

static void wrapped(struct bytes in)
{
    const struct context none = { .count = 0 };
    struct wrapped_key w;
    struct secret *opened;

    if (!wrapped_key_read(in, &w))
        check(wrapped_key_open(key, &w, TEXT("auth"), &none, &opened) == RESULT_NOT_AUTHENTIC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size == 0)
        return 0;
    struct bytes rest = { data + 1, size - 1 };
    switch (data[0] % 3) {
    case 0:
        foreign_ciphertext(rest);
        break;
    case 1:
        own_ciphertext(rest);
        break;
    default:
        wrapped(rest);
    }
    return 0;
}
