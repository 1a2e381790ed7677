/* The parser's object functions: replies as trees of struct redis_value in an arena (the reader's privdata). */
#ifndef HLIDKA_REDIS_VALUE_H
#define HLIDKA_REDIS_VALUE_H

struct redisReader;
struct arena;

/* NULL without memory. The arena must outlive the reader; reset it after each complete reply. */
struct redisReader *redis_value_reader(struct arena *arena);

#endif
