#include "alert_open.h"

#include "mp_reader.h"
#include "seal.h"

static bool next_bin(struct mp_reader *in, size_t len, struct bytes *out)
{
    struct mp_value v;

    if (mp_next(in, &v) || v.type != MP_BIN || (len && v.bin.len != len))
        return false;
    *out = v.bin;
    return true;
}

static bool read_frame(struct bytes value, struct bytes *body, struct bytes *key_id, struct bytes *sig)
{
    struct mp_reader in = mp_reader_of(value);
    struct mp_value v;

    return value.len <= ENVELOPE_VALUE_MAX && mp_check(value, 1) == RESULT_OK && mp_next(&in, &v) == RESULT_OK &&
           v.type == MP_ARRAY && v.count == 4 && mp_next(&in, &v) == RESULT_OK && v.type == MP_UINT && v.uint == 1 &&
           next_bin(&in, 0, body) && next_bin(&in, ENVELOPE_KEY_ID_LEN, key_id) && next_bin(&in, ENVELOPE_SIG_LEN, sig);
}

static const struct principal_key *find_sign(const struct principal *audit, struct bytes id)
{
    for (unsigned i = 0; i < audit->sign_count; i++) {
        if (memcmp(audit->signs[i].id.bytes, id.data, ENVELOPE_KEY_ID_LEN) == 0)
            return &audit->signs[i];
    }
    return NULL;
}

enum result alert_open(const struct principal *audit, struct bytes value, struct bytes *body)
{
    struct bytes id, sig;
    struct mp_value map;
    enum result r;

    if (!read_frame(value, body, &id, &sig))
        return RESULT_MALFORMED;
    const struct principal_key *key = find_sign(audit, id);
    if (!key)
        return RESULT_NOT_FOUND;
    r = verify_detached(key->public_key, TEXT("hlidka-alert-v1\n"), *body, sig.data);
    if (r)
        return r;
    struct mp_reader in = mp_reader_of(*body);
    if (mp_check(*body, ENVELOPE_DEPTH_MAX) || mp_next(&in, &map) || map.type != MP_MAP)
        return RESULT_MALFORMED;
    return RESULT_OK;
}
