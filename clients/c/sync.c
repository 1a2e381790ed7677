/*
 * A loop in a thread, and a mailbox. A caller's letter lies on its own stack: it is answered before the caller
 * returns, so nothing is allocated and nothing can be left behind.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "answer.h"

enum letter_kind { LETTER_CALL, LETTER_EVENT, LETTER_STATS, LETTER_WHY, LETTER_CLOSE };

struct letter {
    struct letter *next;
    enum letter_kind kind;
    struct hlidka_sync *client;
    const struct hlidka_request *request;
    struct hlidka_bytes body;
    const char *trace;
    struct hlidka_stats *stats;
    char *why;
    struct hlidka_answer *answer;
    bool want_answer;
    enum hlidka_status status;
    bool done;                          /* guarded by the lock, as is the list */
    pthread_cond_t changed;
};

struct hlidka_sync {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t mail;
    struct hlidka *client;
    pthread_mutex_t lock;
    struct letter *first, **last;
    bool ready;
    pthread_cond_t became_ready;
    void (*notice)(void *cookie, const char *text);
    void *notice_cookie;
};

static void letter_done(struct letter *l, enum hlidka_status status)
{
    struct hlidka_sync *s = l->client;

    pthread_mutex_lock(&s->lock);
    l->status = status;
    l->done = true;                     /* from here on the letter is its caller's */
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_reply(void *cookie, const struct hlidka_reply *reply)
{
    struct letter *l = cookie;

    if (l->want_answer)
        l->answer = answer_copy(reply);
    letter_done(l, reply->outcome);
}

static void on_closed(void *cookie)
{
    struct hlidka_sync *s = cookie;

    s->client = NULL;
    uv_close((uv_handle_t *)&s->mail, NULL);
}

static void open_letter(struct letter *l)
{
    struct hlidka_sync *s = l->client;
    enum hlidka_status status = HLIDKA_OK;

    switch (l->kind) {
    case LETTER_CALL:
        status = hlidka_call(s->client, l->request, on_reply, l, NULL);
        if (status == HLIDKA_OK)
            return;                     /* on_reply will */
        break;
    case LETTER_EVENT:
        status = hlidka_event(s->client, l->body, l->trace);
        break;
    case LETTER_STATS:
        hlidka_stats(s->client, l->stats);
        break;
    case LETTER_WHY:
        hlidka_is_ready(s->client, l->why);
        break;
    case LETTER_CLOSE:
        hlidka_close(s->client, on_closed, s);
        break;
    }
    letter_done(l, status);
}

static void on_mail(uv_async_t *mail)
{
    struct hlidka_sync *s = mail->data;
    struct letter *l, *next;

    pthread_mutex_lock(&s->lock);
    l = s->first;
    s->first = NULL;
    s->last = &s->first;
    pthread_mutex_unlock(&s->lock);
    for (; l; l = next) {
        next = l->next;                 /* the letter is gone once it is done */
        open_letter(l);
    }
}

static enum hlidka_status post(struct hlidka_sync *s, struct letter *l)
{
    l->client = s;
    l->next = NULL;
    pthread_cond_init(&l->changed, NULL);
    pthread_mutex_lock(&s->lock);
    *s->last = l;
    s->last = &l->next;
    uv_async_send(&s->mail);
    while (!l->done)
        pthread_cond_wait(&l->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_destroy(&l->changed);
    return l->status;
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

static void on_ready(void *cookie)
{
    struct hlidka_sync *s = cookie;

    pthread_mutex_lock(&s->lock);
    s->ready = true;
    pthread_cond_broadcast(&s->became_ready);
    pthread_mutex_unlock(&s->lock);
}

static void on_notice(void *cookie, const char *text)
{
    struct hlidka_sync *s = cookie;

    s->notice(s->notice_cookie, text);
}

static void *run(void *cookie)
{
    struct hlidka_sync *s = cookie;

    uv_run(&s->loop, UV_RUN_DEFAULT);
    return NULL;
}

static bool wait_ready(struct hlidka_sync *s, uint32_t wait_ms)
{
    struct timespec until;
    int timed_out = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->lock);
    while (!s->ready && !timed_out)
        timed_out = pthread_cond_timedwait(&s->became_ready, &s->lock, &until);
    bool ready = s->ready;
    pthread_mutex_unlock(&s->lock);
    return ready;
}

static void init_lock(struct hlidka_sync *s)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->became_ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->last = &s->first;
}

static void free_sync(struct hlidka_sync *s)
{
    pthread_cond_destroy(&s->became_ready);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static enum hlidka_status say(char *why, enum hlidka_status status)
{
    if (why)
        snprintf(why, HLIDKA_WHY_LEN, "%s", hlidka_status_text(status));
    return status;
}

/* The loop with its mailbox and client; the thread does not run yet, so this one may turn the loop. */
static enum hlidka_status open_loop(struct hlidka_sync *s, const struct hlidka_options *options, char *why)
{
    struct hlidka_options own = *options;
    enum hlidka_status status;

    if (uv_loop_init(&s->loop))
        return say(why, HLIDKA_INTERNAL);
    if (uv_async_init(&s->loop, &s->mail, on_mail)) {
        uv_loop_close(&s->loop);
        return say(why, HLIDKA_INTERNAL);
    }
    s->mail.data = s;
    own.ready = on_ready;
    own.cookie = s;
    own.notice = options->notice ? on_notice : NULL;
    s->notice = options->notice;
    s->notice_cookie = options->cookie;
    status = hlidka_open(&s->loop, &own, &s->client, why);
    if (status) {
        uv_close((uv_handle_t *)&s->mail, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
    }
    return status;
}

enum hlidka_status hlidka_sync_open(const struct hlidka_options *options, uint32_t wait_ms, struct hlidka_sync **out,
                                    char why[HLIDKA_WHY_LEN])
{
    struct hlidka_sync *s = calloc(1, sizeof(*s));
    enum hlidka_status status;

    if (!s)
        return say(why, HLIDKA_NO_MEMORY);
    init_lock(s);
    status = open_loop(s, options, why);
    if (status)
        goto fail;
    if (pthread_create(&s->thread, NULL, run, s)) {
        hlidka_close(s->client, on_closed, s);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
        status = say(why, HLIDKA_INTERNAL);
        goto fail;
    }
    if (!wait_ready(s, wait_ms)) {
        if (why)
            post(s, &(struct letter){ .kind = LETTER_WHY, .why = why });
        hlidka_sync_close(s);
        return HLIDKA_TIMEOUT;
    }
    *out = s;
    return HLIDKA_OK;

fail:
    free_sync(s);
    return status;
}

void hlidka_sync_close(struct hlidka_sync *s)
{
    post(s, &(struct letter){ .kind = LETTER_CLOSE });
    pthread_join(s->thread, NULL);
    uv_loop_close(&s->loop);
    free_sync(s);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

enum hlidka_status hlidka_sync_call(struct hlidka_sync *s, const struct hlidka_request *request,
                                    struct hlidka_answer **out)
{
    struct letter l = { .kind = LETTER_CALL, .request = request, .want_answer = out != NULL };
    enum hlidka_status status = post(s, &l);

    if (out)
        *out = l.answer;
    return status;
}

enum hlidka_status hlidka_sync_event(struct hlidka_sync *s, struct hlidka_bytes body, const char *trace)
{
    return post(s, &(struct letter){ .kind = LETTER_EVENT, .body = body, .trace = trace });
}

void hlidka_sync_stats(struct hlidka_sync *s, struct hlidka_stats *out)
{
    post(s, &(struct letter){ .kind = LETTER_STATS, .stats = out });
}
