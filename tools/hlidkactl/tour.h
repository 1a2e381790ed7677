/*
 * The tour: an app's backend at work against a running stack, a step a line, each with its time. cmd_tour.c has the
 * order of the steps; each part of them has a file of its own. A step returns an exit code (command.h) and has said
 * what went wrong when it is not EXIT_DONE.
 */
#ifndef HLIDKA_TOUR_H
#define HLIDKA_TOUR_H

#include <stdio.h>
#include <uv.h>

#include "buffer.h"
#include "hlidka.h"

#define TOUR_NAME_MAX  65               /* user ids, names of policies, endpoints */
#define TOUR_TOKEN_MAX 128
#define TOUR_LESSONS   30               /* an hour, of a free user */

struct tour {
    uv_loop_t loop;
    struct hlidka *client;
    const char *token_file;             /* the bot's, to sign logins with */
    const char *recording;              /* file with speech */
    FILE *canaries;                     /* lines "name hex" of what must be readable nowhere; NULL: not kept */

    /* The last call. */
    struct buffer answer;               /* msgpack of its result, when it was a 200 */
    bool answered;
    int code;
    uint8_t id[HLIDKA_ID_LEN];
    char status[128];                   /* in words */
    char fault[48];                     /* code of its refusal, or "" */

    /* Whom the tour plays. */
    char telegram_id[24];
    char address[48];
    char user[TOUR_NAME_MAX];           /* from the login on */
    char token[TOUR_TOKEN_MAX];

    struct tour_alert *alert;           /* of tour_alert.c */
};

struct tour_question {
    const char *op;
    struct hlidka_body *body;           /* freed by tour_ask */
    const uint8_t *id;                  /* to ask again; NULL: a new one */
    struct hlidka_bytes key;            /* Kafka key; none: by op and body */
    const char *refusal;                /* the code of the refusal that must come; NULL: a 200 must */
};

/* Waits for the answer. EXIT_DONE when it is the one that must come; a result is then in t->answer. */
int tour_ask(struct tour *t, const struct tour_question *q);

/* A field of the last result. */
struct hlidka_value tour_got(const struct tour *t, const char *name);
bool tour_is(struct hlidka_value v, const char *text);
/* Cut where it does not fit. */
void tour_copy(struct hlidka_value v, char *out, size_t size);

/* Complains and returns EXIT_REFUSED. */
int tour_wrong(const char *what);

/* The step is done: prints it with the time since began_ns. */
void tour_step(uint64_t began_ns, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* This must be readable nowhere once the tour is over. EXIT_USAGE when the list cannot be written. */
int tour_plant(struct tour *t, const char *name, struct bytes canary);

/* "prefix-<uuid>" */
void tour_new_name(const char *prefix, char out[TOUR_NAME_MAX]);

/* ---- the steps, in their order ---- */

int tour_wake(struct tour *t);
int tour_login(struct tour *t);
int tour_introspect(struct tour *t);
int tour_devices(struct tour *t);
int tour_recording(struct tour *t);
int tour_lessons(struct tour *t);
int tour_burst(struct tour *t);
int tour_shadow(struct tour *t);
int tour_twice(struct tour *t);
int tour_forgeries(struct tour *t);
int tour_revoke_all(struct tour *t);

/* tour_login.c: a login's body, rightly signed or not. NULL with a complaint when the bot's token cannot be read. */
struct hlidka_body *tour_login_body(struct tour *t, bool forged);

/* tour_alert.c: listens from now on. To be stopped before the loop ends; t->alert is freed after it. */
int tour_listen(struct tour *t);
void tour_stop_listening(struct tour *t);

#endif
