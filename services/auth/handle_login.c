#include "authn.h"
#include "init_data.h"

typedef enum result verify_fn(const struct telegram_bot *bot, struct telegram_field *fields, size_t count,
                              struct telegram_login *out);

/* A login being judged; lies in the request's arena. */
struct attempt {
    struct telegram_field fields[TELEGRAM_FIELDS_MAX];
    size_t count;
    struct telegram_login login;        /* its id: who they claim to be, until that is proven */
    struct proven_login proven;
    struct failed_login failed;
};

static struct attempt *attempt_new(struct request *rq)
{
    struct attempt *t = arena_alloc(request_arena(rq), 1, sizeof(*t));

    if (!t)
        request_fail(rq, FAULT_INTERNAL, "out of memory");
    return t;
}

/* FAULT_COUNT: it is proven, and fresh. */
static enum fault_code check(const struct authn *a, verify_fn *verify, struct attempt *t, uint64_t now_ms)
{
    if (verify(&a->bot, t->fields, t->count, &t->login))
        return FAULT_BAD_SIGNATURE;
    return telegram_fresh(t->login.auth_date_s, a->login_max_age_ms, now_ms) ? FAULT_COUNT : FAULT_STALE_AUTH;
}

static void log_in(struct authn *a, struct request *rq, enum login_method method, struct attempt *t,
                   const struct auth_device *device)
{
    t->proven = (struct proven_login){
        .method = method, .telegram_id = text_of(t->login.id), .hash = { t->login.hash, sizeof(t->login.hash) },
        .auth_date_s = t->login.auth_date_s, .device = device,
    };
    people_login(a->people, rq, &t->proven);
}

static void refuse(struct authn *a, struct request *rq, enum login_method method, struct attempt *t,
                   const struct auth_device *device, enum fault_code code)
{
    t->failed = (struct failed_login){ .method = method, .code = code, .device = device };
    if (*t->login.id)
        t->failed.claimed_telegram_id = text_of(t->login.id);
    people_login_failed(a->people, rq, &t->failed);
}

void handle_login_widget(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_login_telegram_widget_request *body = request_body(rq);
    struct attempt *t = attempt_new(rq);

    if (!t)
        return;
    t->count = body->fields.count;      /* at most 64, says its table */
    for (size_t i = 0; i < t->count; i++)
        t->fields[i] = (struct telegram_field){ body->fields.pairs[i].key, body->fields.pairs[i].value };
    enum fault_code refused = check(a, telegram_verify_widget, t, request_now_ms(rq));
    if (refused == FAULT_COUNT) {
        log_in(a, rq, LOGIN_WIDGET, t, &body->device);
    } else {
        telegram_claimed_widget(t->fields, t->count, t->login.id);
        refuse(a, rq, LOGIN_WIDGET, t, &body->device, refused);
    }
}

void handle_login_webapp(void *service, struct request *rq)
{
    struct authn *a = service;
    const struct auth_login_telegram_webapp_request *body = request_body(rq);
    struct attempt *t = attempt_new(rq);
    char *memory = t ? arena_alloc(request_arena(rq), body->init_data.len + 1, 1) : NULL;
    enum fault_code refused = FAULT_BAD_SIGNATURE;

    if (!memory) {
        if (t)
            request_fail(rq, FAULT_INTERNAL, "out of memory");
        return;
    }
    if (!init_data_split(body->init_data, memory, t->fields, &t->count))
        refused = check(a, telegram_verify_webapp, t, request_now_ms(rq));
    if (refused != FAULT_COUNT)
        telegram_claimed_webapp(t->fields, t->count, t->login.id);
    secret_wipe(memory, body->init_data.len);
    if (refused == FAULT_COUNT)
        log_in(a, rq, LOGIN_WEBAPP, t, &body->device);
    else
        refuse(a, rq, LOGIN_WEBAPP, t, &body->device, refused);
}
