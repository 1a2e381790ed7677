#include "redis_value.h"
#include "arena.h"
#include "redis.h"

#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;           /* hiredis changed its mind with 1.0 */
#else
typedef int element_count;
#endif

/* A new value, in its place in the parent when there is one. */
static struct redis_value *place(const redisReadTask *task, enum redis_kind kind)
{
    struct redis_value *v;

    if (task->parent) {
        struct redis_value *parent = task->parent->obj;

        v = (struct redis_value *)(uintptr_t)&parent->items[task->idx];
    } else {
        v = arena_alloc(task->privdata, 1, sizeof(*v));
    }
    if (v)
        v->kind = kind;
    return v;
}

static void *create_string(const redisReadTask *task, char *data, size_t len)
{
    struct redis_value *v = place(task, task->type == REDIS_REPLY_ERROR ? REDIS_ERROR : REDIS_TEXT);

    if (!v)
        return NULL;
    /* The reader moves its buffer before the reply is complete, so the text needs a place of its own. */
    v->text = (struct text){ arena_copy(task->privdata, (struct text){ data, len }), len };
    return v->text.data ? v : NULL;
}

static void *create_array(const redisReadTask *task, element_count count)
{
    struct redis_value *v = place(task, REDIS_ARRAY);

    if (!v || count <= 0)
        return v;
    v->items = arena_alloc(task->privdata, (size_t)count, sizeof(*v->items));
    v->count = (size_t)count;
    return v->items ? v : NULL;
}

static void *create_integer(const redisReadTask *task, long long integer)
{
    struct redis_value *v = place(task, REDIS_INTEGER);

    if (v)
        v->integer = integer;
    return v;
}

static void *create_nil(const redisReadTask *task)
{
    return place(task, REDIS_NIL);
}

static void free_object(void *object)
{
    (void)object;                       /* the arena's */
}

struct redisReader *redis_value_reader(struct arena *arena)
{
    /* RESP2: doubles, booleans and maps do not come. */
    static redisReplyObjectFunctions functions = {
        .createString = create_string,
        .createArray = create_array,
        .createInteger = create_integer,
        .createNil = create_nil,
        .freeObject = free_object,
    };
    redisReader *reader = redisReaderCreateWithFunctions(&functions);

    if (reader) {
        reader->privdata = arena;
        reader->maxbuf = 256 * 1024;    /* keep the buffer between bursts */
    }
    return reader;
}
