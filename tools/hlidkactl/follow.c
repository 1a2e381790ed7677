#include "follow.h"

#include <signal.h>
#include <stdio.h>

#include "arguments.h"
#include "command.h"

bool follow_option(struct follow *f, const char *command, int flag, const char *value, int *code)
{
    *code = EXIT_DONE;
    if (settings_option(&f->settings, flag, value))
        return true;
    if (flag == FLAG_COUNT && !argument_number(value, 1, UINT32_MAX, &f->count))
        *code = usage_error(command, "--count: a whole number from 1");
    else if (flag == FLAG_SECONDS && !argument_number(value, 1, 1000000, &f->seconds))
        *code = usage_error(command, "--seconds: 1 to 1000000");
    else
        return flag == FLAG_COUNT || flag == FLAG_SECONDS;
    return false;
}

void follow_end(struct follow *f, int code)
{
    if (f->ended)
        return;
    f->ended = true;
    f->code = code;
    uv_close((uv_handle_t *)&f->tick, NULL);
    uv_close((uv_handle_t *)&f->limit, NULL);
    uv_close((uv_handle_t *)&f->interrupt, NULL);
    uv_close((uv_handle_t *)&f->terminate, NULL);
    hlidka_close(f->client, NULL, NULL);
}

void follow_show(struct follow *f, json_t *line)
{
    if (f->ended)
        return;
    if (!line || json_dumpf(line, stdout, JSON_COMPACT) || putchar('\n') == EOF || fflush(stdout)) {
        complain("standard output cannot be written");
        follow_end(f, EXIT_USAGE);
    } else if (++f->shown == f->count) {
        follow_end(f, EXIT_DONE);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    follow_end(handle->data, EXIT_DONE);
}

static void on_limit(uv_timer_t *handle)
{
    struct follow *f = handle->data;
    char why[HLIDKA_WHY_LEN];

    if (!hlidka_is_ready(f->client, why)) {
        complain("the bus cannot be reached: %s", why);
        follow_end(f, EXIT_NO_BUS);
    } else {
        follow_end(f, f->count ? EXIT_NO_ANSWER : EXIT_DONE);
    }
}

static void on_tick(uv_timer_t *handle)
{
    struct follow *f = handle->data;

    f->ticked(f->cookie);
}

/* None of these fails with a loop and a callback. */
static void start_handles(struct follow *f, uint64_t tick_ms)
{
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_init(&f->loop, &f->limit);
    uv_signal_init(&f->loop, &f->interrupt);
    uv_signal_init(&f->loop, &f->terminate);
    f->tick.data = f->limit.data = f->interrupt.data = f->terminate.data = f;
    uv_timer_start(&f->tick, on_tick, 0, tick_ms);
    if (f->seconds)
        uv_timer_start(&f->limit, on_limit, (uint64_t)f->seconds * 1000, 0);
    uv_signal_start(&f->interrupt, on_signal, SIGINT);
    uv_signal_start(&f->terminate, on_signal, SIGTERM);
}

int follow_run(struct follow *f, int (*begin)(void *cookie), void (*ticked)(void *cookie), uint64_t tick_ms, void *cookie)
{
    struct buffer why;

    f->ticked = ticked;
    f->cookie = cookie;
    if (uv_loop_init(&f->loop)) {
        complain("no event loop can be made");
        return EXIT_USAGE;
    }
    buffer_init(&why, HLIDKA_WHY_LEN);
    enum result r = connect_client(&f->settings, &f->loop, 4, NULL, NULL, &f->client, &why);
    if (r) {
        f->code = fail_with(r, &why);
    } else {
        start_handles(f, tick_ms);
        int code = begin(cookie);
        if (code)
            follow_end(f, code);
        uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&f->loop);
    buffer_free(&why);
    return f->code;
}
