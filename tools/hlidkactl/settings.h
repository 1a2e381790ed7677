/*
 * How to reach the bus and as whom: from flags, else the environment, else the file `env` of a running stack's
 * directory (--run, HLIDKA_RUN, .run), which has lines NAME=value.
 *
 *     struct settings s;
 *     settings_init(&s);
 *     while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
 *         if (settings_option(&s, opt, optarg))
 *             continue;
 *         …
 *     }
 *     if (settings_load(&s, why)) …
 */
#ifndef HLIDKA_SETTINGS_H
#define HLIDKA_SETTINGS_H

#include "arena.h"
#include "buffer.h"

#define SETTINGS_PROPERTIES_MAX 64u

struct property {
    const char *name;           /* librdkafka's spelling */
    const char *value;
};

struct settings {
    const char *run;
    const char *bus;            /* "devbus", "kafka", or NULL when nobody says */
    const char *brokers;
    const char *prefix;         /* never NULL once loaded: "hlidka." */
    const char *principals;
    const char *keys;
    const char *principal;      /* never NULL once loaded: "ops" */
    const char *telegram_token; /* file of the bot's token; NULL when nobody says */
    struct property properties[SETTINGS_PROPERTIES_MAX];
    unsigned property_count;
    bool too_many;
    struct arena arena;
};

enum settings_flag { FLAG_RUN = 1000, FLAG_BROKERS, FLAG_PREFIX, FLAG_PRINCIPALS, FLAG_KEYS, FLAG_AS, FLAG_SET };

/* Rows for getopt_long's table. */
#define SETTINGS_OPTIONS                                                                                         \
    { "run", required_argument, NULL, FLAG_RUN }, { "brokers", required_argument, NULL, FLAG_BROKERS },          \
    { "prefix", required_argument, NULL, FLAG_PREFIX }, { "principals", required_argument, NULL, FLAG_PRINCIPALS }, \
    { "keys", required_argument, NULL, FLAG_KEYS }, { "as", required_argument, NULL, FLAG_AS },                  \
    { "set", required_argument, NULL, FLAG_SET }

/* The paragraph of --help about them. */
#define SETTINGS_HELP                                                                                            \
    "How to reach the bus (flags, else the environment, else the file DIR/env of a running stack):\n"            \
    "  --run DIR           the stack's directory: HLIDKA_RUN, .run\n"                                            \
    "  --brokers LIST      HLIDKA_BROKERS: host:port,…\n"                                                        \
    "  --prefix P          HLIDKA_TOPIC_PREFIX, of topics: hlidka.\n"                                            \
    "  --principals FILE   HLIDKA_PRINCIPALS: everybody's public keys\n"                                         \
    "  --keys DIR          HLIDKA_KEYS: where <principal>.key (and .sign) lie\n"                                 \
    "  --as PRINCIPAL      HLIDKA_PRINCIPAL: whose keys to use (ops)\n"                                          \
    "  --set NAME=VALUE    a librdkafka property; HLIDKA_KAFKA_FETCH_WAIT_MAX_MS=1 is --set fetch.wait.max.ms=1\n"

void settings_init(struct settings *s);

/* Takes the flag if it is one of the above; texts are borrowed from argv. */
bool settings_option(struct settings *s, int flag, const char *value);

/* Fills in what no flag gave. RESULT_BAD_CONFIG, RESULT_NO_MEMORY with `why`. */
MUST_USE enum result settings_load(struct settings *s, struct buffer *why);

/* Keys of the principal: `path` gets <keys>/<principal>.<ending>. RESULT_BAD_CONFIG. */
MUST_USE enum result settings_key_path(const struct settings *s, const char *ending, char *path, size_t size);

void settings_free(struct settings *s);

#endif
