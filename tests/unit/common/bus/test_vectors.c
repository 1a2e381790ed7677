/* Project Wycheproof's vectors for the AEAD that seals every message. HLIDKA_VECTORS says where they are. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static json_t *load(const char *name)
{
    const char *dir = getenv("HLIDKA_VECTORS");
    char path[512];
    json_error_t error;

    snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", name);
    if (access(path, R_OK)) {
        fprintf(stderr, "skipped: %s is not there\n", path);
        return NULL;
    }
    json_t *doc = json_load_file(path, 0, &error);
    cr_assert(doc, "%s:%d: %s", path, error.line, error.text);
    return doc;
}

struct octets {
    unsigned char data[1024];
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
    unsigned char box[2048], opened[1024];

    if (iv.len != crypto_aead_xchacha20poly1305_ietf_NPUBBYTES) {
        cr_assert(!valid, "test %d: our nonces have 24 bytes", id);
        return;
    }
    memcpy(box, ct.data, ct.len);
    memcpy(box + ct.len, tag.data, tag.len);
    int r = crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, box, ct.len + tag.len, aad.data, aad.len, iv.data,
                                                       key.data);
    cr_assert_eq(r == 0, valid, "test %d", id);
    if (!valid)
        return;
    cr_assert_arr_eq(opened, msg.data, msg.len, "test %d", id);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, msg.data, msg.len, aad.data, aad.len, NULL, iv.data, key.data);
    cr_assert_arr_eq(box, ct.data, ct.len, "test %d", id);
    cr_assert_arr_eq(box + ct.len, tag.data, tag.len, "test %d", id);
}

Test(vectors, xchacha20_poly1305_of_wycheproof, .timeout = 20)
{
    json_t *doc = load("wycheproof/xchacha20_poly1305_test.json"), *group, *test;
    size_t g, t, checked = 0;

    if (!doc)
        return;
    cr_assert_geq(sodium_init(), 0);
    json_array_foreach(json_object_get(doc, "testGroups"), g, group)
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            check(test);
            checked++;
        }
    cr_assert_eq((json_int_t)checked, json_integer_value(json_object_get(doc, "numberOfTests")));
    json_decref(doc);
}
