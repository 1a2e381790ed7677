/*
 * Borrowed runs of bytes and of UTF-8 text. Neither owns its memory, neither is NUL-terminated; whoever
 * hands one out says how long it lives. An absent optional value has data == NULL, an empty one has not.
 */
#ifndef HLIDKA_BYTES_H
#define HLIDKA_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t len;
};

struct text {
    const char *data;
    size_t len;
};

#define TEXT(literal) ((struct text){ "" literal, sizeof(literal) - 1 })
/* printf("%.*s", TEXT_ARG(t)) */
#define TEXT_ARG(t) (int)(t).len, (t).data ? (t).data : ""

static inline struct text text_of(const char *s)
{
    return (struct text){ s, strlen(s) };
}

/* A copy that ends with a 0, to be freed; NULL without memory. (strndup may read on past the end for a 0.) */
char *text_dup(struct text t);

/* Not for secrets: stops at the first difference (secret_equal does not). */
static inline bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool text_starts(struct text t, struct text prefix)
{
    return t.len >= prefix.len && (prefix.len == 0 || memcmp(t.data, prefix.data, prefix.len) == 0);
}

/* Order of the bytes, shorter first where one begins the other: the order of msgpack keys and contexts. */
int text_compare(struct text a, struct text b);

static inline struct bytes text_bytes(struct text t)
{
    return (struct bytes){ (const uint8_t *)t.data, t.len };
}

/* Big-endian integers, wherever a format has them. */
static inline void bytes_put_u16(uint8_t *out, uint16_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static inline void bytes_put_u32(uint8_t *out, uint32_t v)
{
    bytes_put_u16(out, (uint16_t)(v >> 16));
    bytes_put_u16(out + 2, (uint16_t)v);
}

static inline void bytes_put_u64(uint8_t *out, uint64_t v)
{
    bytes_put_u32(out, (uint32_t)(v >> 32));
    bytes_put_u32(out + 4, (uint32_t)v);
}

static inline uint32_t bytes_get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static inline uint64_t bytes_get_u64(const uint8_t *in)
{
    return (uint64_t)bytes_get_u32(in) << 32 | bytes_get_u32(in + 4);
}

#endif
