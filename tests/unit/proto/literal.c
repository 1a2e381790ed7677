#include "literal.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>

#include "mp_writer.h"

#define LITERAL_MAX (16 << 20)

static const char *write_value(const char *at, struct mp_writer *w);

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\n')
        at++;
    return at;
}

static uint8_t hex_byte(const char *at)
{
    char digits[3] = { at[0], at[1], 0 };

    return (uint8_t)strtoul(digits, NULL, 16);
}

static void put(struct buffer *b, const void *data, size_t len)
{
    cr_assert(buffer_append(b, data, len) == RESULT_OK);
}

/* After a value that may be repeated: *N. */
static const char *read_times(const char *at, struct buffer *content)
{
    size_t once = content->len;
    char *end = (char *)at;
    unsigned long times = *at == '*' ? strtoul(at + 1, &end, 10) : 1;

    for (unsigned long i = 1; i < times; i++) {
        cr_assert(buffer_reserve(content, once) == RESULT_OK);
        put(content, content->data, once);
    }
    if (times == 0)
        buffer_reset(content);
    return end;
}

static const char *write_string(const char *at, struct mp_writer *w, bool binary)
{
    struct buffer content;

    buffer_init(&content, LITERAL_MAX);
    for (; *at != '\''; at++) {
        uint8_t byte = (uint8_t)*at;

        cr_assert(byte != 0);
        if (*at == '%') {
            byte = hex_byte(at + 1);
            at += 2;
        }
        put(&content, &byte, 1);
    }
    at = read_times(at + 1, &content);
    if (binary)
        mp_put_bin(w, content.data, content.len);
    else
        mp_put_text(w, (struct text){ (const char *)content.data, content.len });
    buffer_free(&content);
    return at;
}

static const char *write_container(const char *at, struct mp_writer *w, char close)
{
    struct buffer content;
    uint32_t count = 0;

    buffer_init(&content, LITERAL_MAX);
    struct mp_writer inner = mp_writer_to(&content);
    for (at = skip_space(at); *at != close; at = skip_space(at)) {
        at = skip_space(write_value(at, &inner));
        if (*at == ',' || *at == ':')
            at++;
        count++;
    }
    at++;
    if (close == ']') {
        unsigned long times = *at == '*' ? strtoul(at + 1, NULL, 10) : 1;

        at = read_times(at, &content);
        mp_put_array(w, count * (uint32_t)times);
    } else {
        cr_assert(count % 2 == 0, "a key without a value before: %s", at);
        mp_put_map(w, count / 2);
    }
    mp_put_raw(w, buffer_bytes(&content));
    buffer_free(&content);
    return at;
}

static const char *write_raw(const char *at, struct mp_writer *w)
{
    struct buffer content;

    buffer_init(&content, LITERAL_MAX);
    for (at = skip_space(at); *at != '>'; at = skip_space(at + 2)) {
        uint8_t byte = hex_byte(at);

        put(&content, &byte, 1);
    }
    mp_put_raw(w, buffer_bytes(&content));
    buffer_free(&content);
    return at + 1;
}

static const char *write_number(const char *at, struct mp_writer *w)
{
    char *end = NULL, *point = NULL;
    double real = strtod(at, &point);

    if (*at == '-')
        mp_put_int(w, strtoll(at, &end, 10));
    else
        mp_put_uint(w, strtoull(at, &end, 10));
    cr_assert(end != at, "no value at: %s", at);
    cr_assert(point == end, "a float is written as <cb …>: %f", real);
    return end;
}

static const char *write_value(const char *at, struct mp_writer *w)
{
    at = skip_space(at);
    if (*at == '{')
        return write_container(at + 1, w, '}');
    if (*at == '[')
        return write_container(at + 1, w, ']');
    if (*at == '<')
        return write_raw(at + 1, w);
    if (*at == '\'')
        return write_string(at + 1, w, false);
    if (at[0] == 'b' && at[1] == '\'')
        return write_string(at + 2, w, true);
    if (strncmp(at, "null", 4) == 0) {
        mp_put_nil(w);
        return at + 4;
    }
    if (strncmp(at, "true", 4) == 0 || strncmp(at, "false", 5) == 0) {
        mp_put_bool(w, *at == 't');
        return at + (*at == 't' ? 4 : 5);
    }
    return write_number(at, w);
}

struct bytes literal(const char *text, struct buffer *out)
{
    struct mp_writer w = mp_writer_to(out);

    buffer_reset(out);
    for (text = skip_space(text); *text; text = skip_space(text))
        text = write_value(text, &w);
    cr_assert(w.status == RESULT_OK);
    return buffer_bytes(out);
}
