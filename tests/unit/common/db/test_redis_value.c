#include "arena.h"
#include "redis.h"
#include "redis_value.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>

static const struct redis_value *parse(redisReader *reader, const char *bytes, size_t len)
{
    void *value = NULL;

    for (size_t i = 0; i < len; i++) {  /* a byte at a time: the reader's buffer moves meanwhile */
        cr_assert_eq(redisReaderFeed(reader, bytes + i, 1), REDIS_OK);
        cr_assert_eq(redisReaderGetReply(reader, &value), REDIS_OK);
        cr_assert(!value || i == len - 1);
    }
    return value;
}

Test(redis_value, a_nested_reply_in_pieces_is_one_tree, .timeout = 5)
{
    static const char reply[] = "*5\r\n:-12\r\n$-1\r\n*2\r\n$3\r\na\r\n\r\n*0\r\n+OK\r\n-ERR no\r\n";
    struct arena arena;
    redisReader *reader;
    const struct redis_value *v;

    arena_init(&arena, NULL, 0, 100000);
    reader = redis_value_reader(&arena);
    cr_assert_not_null(reader);
    v = parse(reader, reply, sizeof(reply) - 1);
    cr_assert_eq(v->kind, REDIS_ARRAY);
    cr_assert_eq(v->count, 5);
    cr_expect(v->items[0].kind == REDIS_INTEGER && v->items[0].integer == -12);
    cr_expect_eq(v->items[1].kind, REDIS_NIL);
    cr_expect(text_equal(v->items[2].items[0].text, TEXT("a\r\n")));
    cr_expect(v->items[2].items[1].kind == REDIS_ARRAY && v->items[2].items[1].count == 0);
    cr_expect(text_equal(v->items[3].text, TEXT("OK")));
    cr_expect(v->items[4].kind == REDIS_ERROR && text_equal(v->items[4].text, TEXT("ERR no")));
    redisReaderFree(reader);
    arena_reset(&arena);
}

Test(redis_value, a_declared_size_over_the_arena_is_an_error_and_no_allocation, .timeout = 5)
{
    static const char reply[] = "*100000000\r\n";
    struct arena arena;
    redisReader *reader;
    void *value = NULL;

    arena_init(&arena, NULL, 0, 100000);
    reader = redis_value_reader(&arena);
    cr_assert_not_null(reader);
    cr_assert_eq(redisReaderFeed(reader, reply, sizeof(reply) - 1), REDIS_OK);
    cr_expect_eq(redisReaderGetReply(reader, &value), REDIS_ERR);
    redisReaderFree(reader);
    arena_reset(&arena);
}
