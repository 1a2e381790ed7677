#include "ring.h"

#include "kdf.h"

static const struct text RINGS[RING_COUNT] = { TEXT("content"), TEXT("audio"), TEXT("fernet"), TEXT("service") };
static const struct text STATES[] = { TEXT("active"), TEXT("decrypt_only"), TEXT("destroyed") };

struct text ring_text(enum ring r)
{
    return RINGS[r];
}

enum result ring_of(struct text t, enum ring *out)
{
    for (unsigned i = 0; i < RING_COUNT; i++)
        if (text_equal(t, RINGS[i])) {
            *out = (enum ring)i;
            return RESULT_OK;
        }
    return RESULT_NOT_FOUND;
}

enum result ring_state_of(struct text t, enum ring_state *out)
{
    for (unsigned i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
        if (text_equal(t, STATES[i])) {
            *out = (enum ring_state)i;
            return RESULT_OK;
        }
    return RESULT_NOT_FOUND;
}

enum result ring_use(const struct secret *ring_key, enum ring r, const char *use, struct secret **out)
{
    static const char LABEL[] = "hlidka-ring-v1";       /* with its 0 */
    static const uint8_t SEAM = 0;
    const struct bytes info[] = {
        { (const uint8_t *)LABEL, sizeof(LABEL) }, text_bytes(ring_text(r)), { &SEAM, 1 }, text_bytes(text_of(use)),
    };
    struct secret *key;
    enum result e = secret_new(RING_KEY_LEN, &key);

    if (e)
        return e;
    e = kdf_expand(secret_bytes(ring_key), info, sizeof(info) / sizeof(info[0]), secret_fill(key), RING_KEY_LEN);
    if (e)
        secret_free(key);
    else
        *out = key;
    return e;
}
