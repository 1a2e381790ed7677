#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "connect.h"
#include "envelope.h"
#include "tour.h"

static const char USAGE[] =
    "usage: hlidkactl tour [--recording FILE] [--canaries FILE] [connection flags]\n"
    "\n"
    "Acts as an app's backend against a running stack, a step a line, each with its time: a login, its session and the\n"
    "device list, a recording of speech stored and read back, thirty lessons of a free user and the one that is refused,\n"
    "a burst, a shadow policy that would have refused, a message delivered twice and charged once, ten forged logins and\n"
    "the alert that follows, and a sign-out everywhere. Ends at the first step that does not go as it must.\n"
    "\n"
    "  --recording FILE    Ogg, WAV, MP3 or FLAC, 1 to 10 MiB (DIR/lesson.wav)\n"
    "  --canaries FILE     write down, a line \"name hex\" each, what must be readable nowhere afterwards\n"
    "\n"
    SETTINGS_HELP
    "\n"
    "Exit codes: 0 all went well, 1 a step did not, 2 wrong arguments or files, 3 no answer in time, 4 no bus.\n";

enum { FLAG_RECORDING = 1, FLAG_CANARIES };

struct options {
    struct settings settings;
    const char *recording, *canaries;
};

static int walk(struct tour *t, const struct options *o)
{
    static int (*const STEPS[])(struct tour *) = {
        tour_wake, tour_login, tour_introspect, tour_devices, tour_recording, tour_lessons, tour_burst, tour_shadow, tour_twice,
        tour_forgeries, tour_revoke_all,
    };
    int code = tour_listen(t);

    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]) && !code; i++)
        code = STEPS[i](t);
    if (!code)
        printf("\nThe stack is left running (%s). Talk to it:\n"
               "  build/release/bin/hlidkactl call ratelimit check '{\"user_id\": \"u-1\", \"endpoint\": \"lessons.create\"}'\n"
               "`tools/stack status` shows it, `make stop` ends it.\n",
               o->settings.bus ? o->settings.bus : o->settings.brokers);
    return code;
}

/* The list is of secrets: nobody else may read it. */
static int open_canaries(struct tour *t, const char *path)
{
    if (!path)
        return EXIT_DONE;
    mode_t before = umask(077);
    t->canaries = fopen(path, "we");
    umask(before);
    if (t->canaries)
        return EXIT_DONE;
    complain("%s: %s", path, strerror(errno));
    return EXIT_USAGE;
}

static int run(struct options *o)
{
    struct tour t = { .token_file = NULL };
    struct buffer why;
    char lesson[4096];

    if (uv_loop_init(&t.loop)) {
        complain("no event loop can be made");
        return EXIT_USAGE;
    }
    buffer_init(&why, HLIDKA_WHY_LEN);
    buffer_init(&t.answer, ENVELOPE_VALUE_MAX);
    enum result r = settings_load(&o->settings, &why);
    snprintf(lesson, sizeof(lesson), "%s/lesson.wav", o->settings.run);
    t.token_file = o->settings.telegram_token;
    t.recording = o->recording ? o->recording : lesson;
    int code = r ? fail_with(r, &why) : open_canaries(&t, o->canaries);
    if (code)
        goto done;
    r = connect_client(&o->settings, &t.loop, 1, NULL, NULL, &t.client, &why);
    if (r) {
        code = fail_with(r, &why);
        goto done;
    }
    code = walk(&t, o);
    tour_stop_listening(&t);
    hlidka_close(t.client, NULL, NULL);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    free(t.alert);
done:
    if (t.canaries && fclose(t.canaries) && !code)
        code = EXIT_USAGE;
    uv_loop_close(&t.loop);
    buffer_free(&t.answer);
    buffer_free(&why);
    return code;
}

int cmd_tour(int argc, char **argv)
{
    static const struct option LONG[] = {
        SETTINGS_OPTIONS,
        { "recording", required_argument, NULL, FLAG_RECORDING },
        { "canaries", required_argument, NULL, FLAG_CANARIES },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct options o = { .recording = NULL };
    int opt, code = EXIT_DONE;

    settings_init(&o.settings);
    o.settings.principal = "backend";   /* whom the tour plays, unless told otherwise */
    while (!code && (opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (settings_option(&o.settings, opt, optarg))
            continue;
        if (opt == FLAG_RECORDING)
            o.recording = optarg;
        else if (opt == FLAG_CANARIES)
            o.canaries = optarg;
        else
            code = opt == 'h' ? -1 : usage_error("tour", "wrong arguments");
    }
    if (code < 0)
        fputs(USAGE, stdout);
    else if (!code)
        code = optind == argc ? run(&o) : usage_error("tour", "it takes flags only");
    settings_free(&o.settings);
    return code < 0 ? EXIT_DONE : code;
}
