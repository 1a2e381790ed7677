#include "service_internal.h"

#include <signal.h>
#include <unistd.h>

#define SECOND_MS 1000u
#define DRAIN_MS  3000u         /* for handlers; the bus takes 5 s more at most */
#define DOOM_S    9u

/* ---- for the service's own code ------------------------------------------------------------------------------- */

struct uv_loop_s *service_loop(struct service *s)
{
    return &s->loop;
}

struct metrics *service_metrics(struct service *s)
{
    return s->metrics;
}

struct bus *service_bus(struct service *s)
{
    return s->bus;
}

const char *service_instance(const struct service *s)
{
    return s->instance;
}

unsigned service_instances(const struct service *s)
{
    return s->bus ? bus_instances(s->bus) : 1;
}

void service_hold(struct service *s, bool hold)
{
    s->held = hold;
    if (s->bus)
        bus_hold(s->bus, hold);
}

struct service_identity service_identity(const struct service *s)
{
    return (struct service_identity){ s->settings->brokers, s->settings->prefix, s->settings->principals, s->settings->key_file };
}

enum result service_config(struct service *s, const struct config_file *file, struct buffer *why)
{
    s->config.metrics = s->metrics;
    return config_files_add(&s->config, file, why);
}

/* ---- stopping: the bus, the stores, the listener, our own handles, each when the one before is closed ---------- */

static void close_own_handles(void *cookie)
{
    struct service *s = cookie;

    s->admin = NULL;
    uv_close((uv_handle_t *)&s->second, NULL);
    uv_close((uv_handle_t *)&s->tick, NULL);
    uv_close((uv_handle_t *)&s->terminate, NULL);
    uv_close((uv_handle_t *)&s->interrupt, NULL);
    uv_close((uv_handle_t *)&s->hangup, NULL);
    uv_close((uv_handle_t *)&s->process.timer, NULL);
}

void service_stopped(struct service *s)
{
    s->state = NULL;
    s->started = false;
    if (s->admin)
        admin_stop(s->admin, close_own_handles, s);
    else
        close_own_handles(s);
}

static void on_bus_stopped(void *cookie)
{
    struct service *s = cookie;

    if (s->started && s->spec->stop)
        s->spec->stop(s, s->state);
    else
        service_stopped(s);
}

static void begin_stop(struct service *s, int exit_code)
{
    if (s->life == LIFE_STOPPING)
        return;
    s->life = LIFE_STOPPING;
    s->exit_code = exit_code;
    process_doom(DOOM_S, EXIT_LOST, "service: did not stop in time; given up\n");
    if (s->started && s->spec->drain)
        s->spec->drain(s->state);
    if (s->bus)
        bus_stop(s->bus, DRAIN_MS, on_bus_stopped, s);
    else
        on_bus_stopped(s);
}

void service_give_up(struct service *s, const char *why)
{
    log_error("service.given_up", LOG_STR("why", why));
    begin_stop(s, EXIT_LOST);
}

static void on_bus_lost(void *cookie, const char *why)
{
    service_give_up(cookie, why);
}

/* ---- serving -------------------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;

    if (s->life == LIFE_STOPPING) {
        log_warn("service.killed", LOG_STR("signal", strsignal(number)));
        _exit(EXIT_LOST);
    }
    log_info("service.draining", LOG_STR("signal", strsignal(number)));
    begin_stop(s, EXIT_STOPPED);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;

    (void)number;
    if (s->life != LIFE_SERVING)
        return;
    log_info("service.reload");
    bus_reload(s->bus);
    config_files_reload(&s->config);
}

static void tell_ready(void *cookie, struct buffer *reasons)
{
    struct service *s = cookie;
    struct buffer detail;
    const char *word;

    if (s->life == LIFE_STOPPING) {
        if (buffer_append_text(reasons, TEXT("draining: asked to stop\n")))
            log_error("service.ready", LOG_RESULT(RESULT_NO_MEMORY));
        return;
    }
    buffer_init(&detail, 4096);
    word = bus_not_ready(s->bus, &detail);
    if (word && buffer_printf(reasons, "%s: %.*s\n", word, (int)detail.len, detail.data ? (const char *)detail.data : ""))
        log_error("service.ready", LOG_RESULT(RESULT_NO_MEMORY));
    buffer_free(&detail);
    if (s->spec->ready)
        s->spec->ready(s->state, reasons);
}

static enum result tell_metrics(void *cookie, struct buffer *out)
{
    struct service *s = cookie;

    return metrics_print(s->metrics, out);
}

static void note_readiness(struct service *s)
{
    struct buffer reasons;

    buffer_init(&reasons, SERVICE_WHY_MAX);
    tell_ready(s, &reasons);
    bool ready = reasons.len == 0;
    if (ready && !s->was_ready)
        log_info("service.ready");
    else if (!ready && s->was_ready)
        log_warn("service.not_ready", LOG_TEXT("why", ((struct text){ (const char *)reasons.data, reasons.len })));
    s->was_ready = ready;
    s->ready = ready;
    buffer_free(&reasons);
}

static void on_tick(uv_timer_t *timer)
{
    struct service *s = timer->data;

    if (s->started)
        s->spec->tick(s->state);
}

static void on_second(uv_timer_t *timer)
{
    struct service *s = timer->data;

    if (s->life == LIFE_SERVING) {
        bus_reload(s->bus);
        config_files_look(&s->config);
    }
    note_readiness(s);
    log_tick();
}

/* ---- starting ------------------------------------------------------------------------------------------------- */

/* libuv fails these only for handles it does not know or signals that cannot be caught. */
static bool start_own_handles(struct service *s)
{
    s->second.data = s->tick.data = s->terminate.data = s->interrupt.data = s->hangup.data = s;
    return uv_timer_init(&s->loop, &s->second) == 0 && uv_timer_init(&s->loop, &s->tick) == 0 && uv_signal_init(&s->loop, &s->terminate) == 0 &&
           uv_signal_init(&s->loop, &s->interrupt) == 0 && uv_signal_init(&s->loop, &s->hangup) == 0 &&
           uv_timer_start(&s->second, on_second, SECOND_MS, SECOND_MS) == 0 &&
           (!s->spec->tick || uv_timer_start(&s->tick, on_tick, s->spec->tick_ms, s->spec->tick_ms) == 0) &&
           uv_signal_start(&s->terminate, on_signal, SIGTERM) == 0 && uv_signal_start(&s->interrupt, on_signal, SIGINT) == 0 &&
           uv_signal_start(&s->hangup, on_hangup, SIGHUP) == 0;
}

static enum result start_bus(struct service *s, struct buffer *why)
{
    const struct bus_options options = {
        .brokers = s->settings->brokers,
        .prefix = s->settings->prefix,
        .service = s->spec->name,
        .instance = s->instance,
        .principals_path = s->settings->principals,
        .key_path = s->settings->key_file,
        .sign_path = s->settings->sign_file,
        .routes = s->spec->routes,
        .route_count = s->spec->route_count,
        .handler_cookie = s->state,
        .listener = s->spec->listener,
        .feed = s->spec->feed,
        .own_event = s->spec->own_event,
        .lost = on_bus_lost,
        .lost_cookie = s,
        .window = s->settings->window,
        .slow_max = s->settings->slow_max,
        .ahead_ms = s->spec->ahead_ms,
        .age_ms = s->spec->age_ms,
        .ttl_max_ms = s->spec->ttl_max_ms,
        .metrics = s->metrics,
    };
    enum result r = bus_new(&s->loop, &options, &s->bus, why);

    if (r)
        return r;
    bus_hold(s->bus, s->held);
    return bus_start(s->bus, why);
}

static enum result start_all(struct service *s, struct buffer *why)
{
    const struct admin_hooks hooks = { tell_ready, tell_metrics, s };
    enum result r;

    r = s->spec->start(s, s->own, &s->state, why);
    if (r)
        return r;
    s->started = true;
    r = start_bus(s, why);
    if (r)
        return r;
    r = admin_start(&s->loop, s->settings->admin, &hooks, &s->admin, why);
    if (r)
        return r;
    s->life = LIFE_SERVING;
    log_info("service.started", LOG_STR("version", HLIDKA_VERSION), LOG_UINT("pid", (uint64_t)getpid()),
             LOG_UINT("admin_port", admin_port(s->admin)));
    return RESULT_OK;
}

int service_live(struct service *s, struct buffer *why)
{
    enum result r = metrics_new(&s->metrics);

    if (r)
        return service_complain(s->spec, r, why);
    if (uv_loop_init(&s->loop) || !start_own_handles(s)) {
        metrics_free(s->metrics);
        return service_complain(s->spec, RESULT_INTERNAL, why);
    }
    r = process_metrics_start(&s->process, &s->loop, s->metrics);
    if (!r)
        r = metrics_gauge(s->metrics, "hlidka_ready", "1 while /readyz says ready.", NULL, &s->ready);
    if (!r)
        r = start_all(s, why);
    if (r)
        begin_stop(s, service_complain(s->spec, r, why));

    uv_run(&s->loop, UV_RUN_DEFAULT);
    bus_free(s->bus);
    metrics_free(s->metrics);
    if (uv_loop_close(&s->loop)) {
        log_error("service.handles_left");
        s->exit_code = EXIT_LOST;
    }
    log_info("service.stopped", LOG_INT("exit", s->exit_code));
    process_rescue();
    return s->exit_code;
}
