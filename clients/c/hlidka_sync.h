/*
 * libhlidka for code that blocks: a client with a loop and a thread of its own. Any number of threads may call at
 * once; each waits for its own answer.
 *
 *     struct hlidka_sync *client;
 *     struct hlidka_answer *answer;
 *
 *     if (hlidka_sync_open(&options, 5000, &client, why))
 *         …why…
 *     if (hlidka_sync_call(client, &request, &answer) == HLIDKA_OK)
 *         printf("allowed: %d\n", hlidka_get(hlidka_answer_reply(answer)->result, "allowed").boolean);
 *     hlidka_answer_free(answer);
 *     hlidka_sync_close(client);
 */
#ifndef HLIDKA_SYNC_H
#define HLIDKA_SYNC_H

#include "hlidka.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hlidka_sync;
struct hlidka_answer;                   /* a reply that belongs to its caller */

/*
 * As hlidka_open, and waits up to wait_ms until answers can come. HLIDKA_TIMEOUT with `why` if they cannot by then
 * (nothing stays open), HLIDKA_BAD_CONFIG, HLIDKA_NO_MEMORY, HLIDKA_INTERNAL. options->ready is not called;
 * options->notice is, on the client's thread.
 */
enum hlidka_status hlidka_sync_open(const struct hlidka_options *options, uint32_t wait_ms, struct hlidka_sync **out,
                                    char why[HLIDKA_WHY_LEN]);

/*
 * Waits for the answer, at most for the request's deadline. Returns its outcome, or why nothing was sent; *out (may
 * be NULL) is then the reply, which the caller frees, or NULL where nothing was sent or no memory was left for it.
 */
enum hlidka_status hlidka_sync_call(struct hlidka_sync *client, const struct hlidka_request *request,
                                    struct hlidka_answer **out);

const struct hlidka_reply *hlidka_answer_reply(const struct hlidka_answer *answer);

/* Wipes it; NULL is fine. */
void hlidka_answer_free(struct hlidka_answer *answer);

/* As hlidka_event. */
enum hlidka_status hlidka_sync_event(struct hlidka_sync *client, struct hlidka_bytes body, const char *trace);

void hlidka_sync_stats(struct hlidka_sync *client, struct hlidka_stats *out);

/* Calls that are waiting end with HLIDKA_CLOSED; none may begin any more. Returns when all is closed and freed. */
void hlidka_sync_close(struct hlidka_sync *client);

#ifdef __cplusplus
}
#endif

#endif
