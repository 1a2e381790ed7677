/*
 * Decision ids as a peer may send them, and the terms of a record as Redis may hold them. The first byte chooses; a
 * third kind is sealed here from what the fuzzer wants, and must open as it was.
 */
#include "decision.h"
#include "terms.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keys *keys;

static void start(void)
{
    struct secret *file;

    if (keys)
        return;
    if (sodium_init() < 0 || secret_from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 44, &file) || keys_new(file, &keys))
        abort();
    secret_free(file);
}

static void terms(struct bytes in)
{
    struct term t[MATCH_MAX];
    struct bytes rest;
    size_t count;

    if (!terms_decode(in, t, &count, &rest) && (count > MATCH_MAX || rest.len > in.len))
        abort();
}

static void sealed(struct bytes in)
{
    struct decision d = { .count = in.len / 24 < MATCH_MAX ? in.len / 24 : MATCH_MAX }, out;
    char text[DECISION_TEXT_MAX + 1];

    for (size_t i = 0; i < d.count; i++) {
        const uint8_t *at = in.data + 24 * i;

        memcpy(d.charges[i].account, at, POLICY_ACCOUNT_LEN);
        d.charges[i].algorithm = (enum algorithm)(at[0] % 3);
        d.charges[i].cost = bytes_get_u64(at + 16) % (FIXED_LIMIT_MAX + 1);
    }
    decision_seal(keys, &(struct uuid){ { 1 } }, &d, text);
    if (decision_open(keys, text_of(text), &out) || out.count != d.count)
        abort();
    for (size_t i = 0; i < d.count; i++)
        if (memcmp(out.charges[i].account, d.charges[i].account, POLICY_ACCOUNT_LEN) != 0
            || out.charges[i].cost != d.charges[i].cost)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decision d;

    start();
    if (size == 0)
        return 0;
    struct bytes rest = { data + 1, size - 1 };
    switch (data[0] % 3) {
    case 0:
        if (!decision_open(keys, (struct text){ (const char *)rest.data, rest.len }, &d))
            abort();            /* nobody seals without the key */
        break;
    case 1:
        terms(rest);
        break;
    default:
        sealed(rest);
    }
    return 0;
}
