/* Project Wycheproof's vectors for AES-256-GCM as everything here uses it: 96-bit nonces, 128-bit tags. */
#include "gcm.h"
#include "known.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct octets {
    uint8_t data[1024];
    size_t len;
};

static struct octets octets_of(const json_t *test, const char *key)
{
    const char *hex = json_string_value(json_object_get(test, key));
    struct octets o = { .len = 0 };

    cr_assert(hex && sodium_hex2bin(o.data, sizeof(o.data), hex, strlen(hex), NULL, &o.len, NULL) == 0, "%s", key);
    return o;
}

static void check(const json_t *test)
{
    struct octets key = octets_of(test, "key"), iv = octets_of(test, "iv"), aad = octets_of(test, "aad");
    struct octets msg = octets_of(test, "msg"), ct = octets_of(test, "ct"), tag = octets_of(test, "tag");
    bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    int id = (int)json_integer_value(json_object_get(test, "tcId"));
    uint8_t box[2048], out[2048];
    struct bytes more = { aad.data, aad.len };
    struct gcm *g;

    memcpy(box, ct.data, ct.len);
    memcpy(box + ct.len, tag.data, tag.len);
    cr_assert_eq(gcm_new(key.data, &g), RESULT_OK);
    enum result r = gcm_open(g, iv.data, more, (struct bytes){ box, ct.len + tag.len }, out);
    cr_expect_eq(r == RESULT_OK, valid, "test %d", id);
    if (valid) {
        cr_expect_arr_eq(out, msg.data, msg.len, "test %d", id);
        cr_assert_eq(gcm_seal(g, iv.data, more, (struct bytes){ msg.data, msg.len }, out), RESULT_OK);
        cr_expect_arr_eq(out, box, ct.len + tag.len, "test %d", id);
    } else if (ct.len > 0) {
        cr_expect(sodium_is_zero(out, ct.len), "test %d left plaintext", id);
    }
    gcm_free(g);
}

Test(gcm, wycheproof, .timeout = 30)
{
    const char *dir = getenv("HLIDKA_VECTORS");
    char path[512];
    json_t *doc, *group, *test;
    size_t g, t, checked = 0;

    cr_assert_geq(sodium_init(), 0);
    snprintf(path, sizeof(path), "%s/wycheproof/aes_gcm_test.json", dir ? dir : "../shared/vectors");
    if (access(path, R_OK)) {
        fprintf(stderr, "skipped: %s is not there\n", path);
        return;
    }
    doc = json_load_file(path, 0, NULL);
    cr_assert(doc);
    json_array_foreach(json_object_get(doc, "testGroups"), g, group) {
        if (json_integer_value(json_object_get(group, "keySize")) != 256 || json_integer_value(json_object_get(group, "ivSize")) != 96
            || json_integer_value(json_object_get(group, "tagSize")) != 128)
            continue;
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            check(test);
            checked++;
        }
    }
    cr_assert_gt(checked, 30);
    json_decref(doc);
}

Test(gcm, what_has_no_room_for_a_tag_is_cut, .timeout = 10)
{
    uint8_t key[GCM_KEY_LEN] = { 0 }, nonce[GCM_NONCE_LEN] = { 0 }, out[16];
    struct gcm *g;

    cr_assert_eq(gcm_new(key, &g), RESULT_OK);
    for (size_t n = 0; n < GCM_TAG_LEN; n++)
        cr_expect_eq(gcm_open(g, nonce, (struct bytes){ NULL, 0 }, (struct bytes){ key, n }, out), RESULT_TRUNCATED);
    gcm_free(g);
}
