#include "known.h"
#include "ring.h"

Test(ring, every_use_has_a_key_of_its_own, .timeout = 10)
{
    static const struct {
        enum ring ring;
        const char *use, *key;
    } CASES[] = {
        { RING_CONTENT, "wrap", "9802e2203c039c3f1bb2436e30a69ba9532924eeb29023736cd3919be2a5a962" },
        { RING_AUDIO, "wrap", "8fb7b997ef9e014f97e27d18c92988a7f7ab529e7e9db7f5d9b1feccff9dc907" },
        { RING_CONTENT, "content", "bd95a903239bcad3d67ddb848256a26a169fd2e97d5e5ac467c36f99cf16c68b" },
        { RING_SERVICE, "secret", "ede91a2e22296b3602b1497335bbaea4ee49557c34129dfafcea1efac9ab26e0" },
    };
    struct secret *key = known_secret(0), *used;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        cr_assert_eq(ring_use(key, CASES[i].ring, CASES[i].use, &used), RESULT_OK);
        known_is(secret_bytes(used).data, RING_KEY_LEN, CASES[i].key);
        secret_free(used);
    }
    secret_free(key);
}

Test(ring, names_are_read_back, .timeout = 10)
{
    enum ring_state state;
    enum ring ring;

    for (unsigned i = 0; i < RING_COUNT; i++) {
        cr_assert_eq(ring_of(ring_text((enum ring)i), &ring), RESULT_OK);
        cr_expect_eq((unsigned)ring, i);
    }
    cr_expect_eq(ring_of(TEXT("Content"), &ring), RESULT_NOT_FOUND);
    cr_assert_eq(ring_state_of(TEXT("decrypt_only"), &state), RESULT_OK);
    cr_expect_eq(state, RING_DECRYPT_ONLY);
    cr_expect_eq(ring_state_of(TEXT(""), &state), RESULT_NOT_FOUND);
}
