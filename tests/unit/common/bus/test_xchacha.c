#include "xchacha.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>

static const size_t LENS[] = { 0, 1, 63, 64, 2047, 2048, 2049, 8191, 8192, 8193, 65535, 1000000 };
static uint8_t key[32], nonce[24], aad[80];

static void setup(void)
{
    cr_assert_geq(sodium_init(), 0);
    randombytes_buf(key, sizeof(key));
    randombytes_buf(nonce, sizeof(nonce));
    randombytes_buf(aad, sizeof(aad));
}

TestSuite(xchacha, .init = setup, .timeout = 20);

static struct bytes aad_of(size_t i)
{
    return (struct bytes){ aad, i % 2 ? sizeof(aad) : 0 };
}

Test(xchacha, its_bytes_are_those_of_libsodium_at_every_length)
{
    for (size_t i = 0; i < sizeof(LENS) / sizeof(*LENS); i++) {
        uint8_t *plain = malloc(LENS[i] + 1), *ours = malloc(LENS[i] + 16), *theirs = malloc(LENS[i] + 16), *back = malloc(LENS[i] + 16);

        randombytes_buf(plain, LENS[i] + 1);
        cr_assert_eq(xchacha_seal(key, nonce, aad_of(i), (struct bytes){ plain, LENS[i] }, ours), RESULT_OK);
        cr_assert_eq(crypto_aead_xchacha20poly1305_ietf_encrypt(theirs, NULL, plain, LENS[i], aad_of(i).data, aad_of(i).len, NULL, nonce, key), 0);
        cr_expect_arr_eq(ours, theirs, LENS[i] + 16, "%zu bytes", LENS[i]);
        cr_assert_eq(xchacha_open(key, nonce, aad_of(i), (struct bytes){ theirs, LENS[i] + 16 }, back), RESULT_OK);
        cr_expect_arr_eq(back, plain, LENS[i], "%zu bytes", LENS[i]);
        free(plain);
        free(ours);
        free(theirs);
        free(back);
    }
}

/* One bit anywhere, of the box, the nonce, the key or the additional data; and a box cut short. */
Test(xchacha, what_was_changed_does_not_open_and_leaves_no_plaintext)
{
    static uint8_t plain[20000], sealed[sizeof(plain) + 16], back[sizeof(sealed)];

    for (unsigned size = 0; size < 2; size++) {
        size_t len = size ? sizeof(plain) : 100;
        struct bytes whole = { sealed, len + 16 };

        memset(plain, 0xa5, len);
        cr_assert_eq(xchacha_seal(key, nonce, aad_of(1), (struct bytes){ plain, len }, sealed), RESULT_OK);
        uint8_t *bits[] = { &sealed[0], &sealed[len / 2], &sealed[len - 1], &sealed[len], &sealed[len + 15], &nonce[0], &nonce[23], &key[31], &aad[79] };
        for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
            *bits[i] ^= 0x40;
            memset(back, 0xa5, sizeof(back));
            cr_expect_eq(xchacha_open(key, nonce, aad_of(1), whole, back), RESULT_NOT_AUTHENTIC, "bit %zu", i);
            *bits[i] ^= 0x40;
            if (size)
                cr_expect_neq(memcmp(back, plain, 64), 0, "bit %zu", i);
        }
        for (size_t cut = 1; cut <= 16; cut++)
            cr_expect_eq(xchacha_open(key, nonce, aad_of(1), (struct bytes){ sealed, len + 16 - cut }, back), RESULT_NOT_AUTHENTIC);
        cr_expect_eq(xchacha_open(key, nonce, aad_of(1), (struct bytes){ sealed, 15 }, back), RESULT_NOT_AUTHENTIC);
        cr_expect_eq(xchacha_open(key, nonce, aad_of(1), whole, back), RESULT_OK);
    }
}
