/*
 * What was decrypted, counted by who asked, whose it was, and minute: one event each, not one per item. A minute begins
 * with its first decryption.
 *
 *     decrypts_add(d, src, owner, 3, now_ms);
 *     … once a second: decrypts_tick(d, now_ms);          // tells of the minutes that are over
 */
#ifndef HLIDKA_DECRYPTS_H
#define HLIDKA_DECRYPTS_H

#include "bytes.h"
#include "result.h"

struct decrypts;

#define DECRYPTS_MS 60000
#define DECRYPTS_SRC_MAX 32
#define DECRYPTS_OWNER_MAX 64

struct decrypts_count {
    struct text src;                    /* both borrowed for the call */
    struct text owner;                  /* data NULL: of nobody */
    uint64_t since_ms;
    uint64_t count;
};

/* At most limit at once; beyond, each is told on its own, so that nothing is lost. RESULT_NO_MEMORY. */
MUST_USE enum result decrypts_new(size_t limit, const uint8_t seed[16],
                                  void (*tell)(void *cookie, const struct decrypts_count *c), void *cookie,
                                  struct decrypts **out);
/* What is counted still is lost (decrypts_drain first). NULL is fine. */
void decrypts_free(struct decrypts *d);

/* Longer texts than the maxima are cut. */
void decrypts_add(struct decrypts *d, struct text src, struct text owner, uint64_t count, uint64_t now_ms);
void decrypts_tick(struct decrypts *d, uint64_t now_ms);
/* Tells of all, and from now on of each at once. */
void decrypts_drain(struct decrypts *d);
size_t decrypts_counted(const struct decrypts *d);

#endif
