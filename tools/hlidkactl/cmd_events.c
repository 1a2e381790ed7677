#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "command.h"
#include "follow.h"
#include "json_body.h"

static const char USAGE[] =
    "usage: hlidkactl events tail [--type T] [--user ID] [--ip IP] [--outcome O] [--last N] [--count N] [--seconds S]\n"
    "                             [connection flags]\n"
    "\n"
    "Prints events as audit records them, oldest first, one line of JSON each. It asks audit (audit.query) every half\n"
    "second: events are sealed on the bus, and it is audit's record that counts. audit records that it was asked.\n"
    "\n"
    "  --type T          of this type, or with a prefix and *: 'auth.*'\n"
    "  --user ID         of this user\n"
    "  --ip IP           from this address\n"
    "  --outcome O       success, failure or denied\n"
    "  --last N          begin with the last N there are (0)\n"
    FOLLOW_HELP
    "\n"
    SETTINGS_HELP
    "\n"
    FOLLOW_EXIT_CODES;

#define POLL_MS 500
#define DEADLINE_MS 10000
#define PAGE 500
#define PAGES_MAX 200                   /* of one look; what lies beyond was too much to be read by anybody */
#define FOR_EVER UINT64_C(4102444800000)        /* 2100: a cursor goes with the filters of its first page */

enum { FLAG_TYPE = FLAG_FOLLOW_MAX, FLAG_USER, FLAG_IP, FLAG_OUTCOME, FLAG_LAST };

struct events {
    struct follow follow;
    const char *type, *user, *ip, *outcome;
    uint32_t last;
    bool begun;                         /* next_seq is known */
    bool asking;
    uint64_t next_seq;
    json_t *found;                      /* of the look at hand, newest first */
    unsigned pages;
};

static void ask(struct events *e, const char *cursor);

/* ---- showing --------------------------------------------------------------------------------------------------- */

static void show(struct events *e)
{
    size_t count = json_array_size(e->found), from = count;

    if (!e->begun && count > e->last)
        from = e->last;
    for (size_t i = from; i-- > 0;)
        follow_show(&e->follow, json_array_get(e->found, i));
    if (count > 0)
        e->next_seq = (uint64_t)json_integer_value(json_object_get(json_array_get(e->found, 0), "seq")) + 1;
    e->begun = true;
    json_array_clear(e->found);
    e->pages = 0;
}

/* False: what follows has been shown. */
static bool take(struct events *e, struct hlidka_bytes result)
{
    struct hlidka_value events = hlidka_get(result, "events"), event;
    struct hlidka_cursor at = hlidka_walk(events.bytes);

    while (hlidka_next(&at, NULL, &event)) {
        if (hlidka_get(event.bytes, "seq").uint < e->next_seq)
            return false;
        if (json_array_append_new(e->found, body_to_json((struct bytes){ event.bytes.data, event.bytes.len }))) {
            complain("%s", result_text(RESULT_NO_MEMORY));
            follow_end(&e->follow, EXIT_USAGE);
            return false;
        }
    }
    return e->begun || json_array_size(e->found) < e->last;
}

static void answered(void *cookie, const struct hlidka_reply *reply)
{
    struct events *e = cookie;

    e->asking = false;
    if (reply->outcome == HLIDKA_CLOSED || e->follow.ended)
        return;
    if (reply->outcome == HLIDKA_REFUSED && reply->status != 503) {
        complain("audit refuses: %s %s", reply->code, reply->detail);
        follow_end(&e->follow, EXIT_REFUSED);
        return;
    }
    if (reply->outcome != HLIDKA_OK) {  /* again at the next tick, from where it stood */
        complain("%s", reply->outcome == HLIDKA_REFUSED ? reply->code : hlidka_status_text(reply->outcome));
        json_array_clear(e->found);
        e->pages = 0;
        return;
    }
    struct hlidka_value cursor = hlidka_get(reply->result, "cursor");
    if (take(e, reply->result) && cursor.type == HLIDKA_TEXT && ++e->pages < PAGES_MAX) {
        char *copy = text_dup((struct text){ cursor.text, cursor.len });
        ask(e, copy);
        free(copy);
    } else {
        if (e->pages == PAGES_MAX)
            complain("more than %u events since the last look: older ones are left out", PAGES_MAX * PAGE);
        show(e);
    }
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static void put_if(struct hlidka_body *b, const char *name, const char *value)
{
    if (value)
        hlidka_put_text(b, name, value);
}

static void ask(struct events *e, const char *cursor)
{
    struct hlidka_body *b = hlidka_body_new();

    hlidka_put_uint(b, "from", 0);
    hlidka_put_uint(b, "to", FOR_EVER);
    hlidka_put_uint(b, "limit", PAGE);
    put_if(b, "type", e->type);
    put_if(b, "user_id", e->user);
    put_if(b, "ip", e->ip);
    put_if(b, "outcome", e->outcome);
    put_if(b, "cursor", cursor);
    enum hlidka_status s = hlidka_call(e->follow.client, &(struct hlidka_request){
        .op = "audit.query", .body = hlidka_body_bytes(b), .deadline_ms = DEADLINE_MS }, answered, e, NULL);
    hlidka_body_free(b);
    if (s)
        follow_end(&e->follow, connect_refused(s));
    else
        e->asking = true;
}

static int begin(void *cookie)
{
    (void)cookie;
    return EXIT_DONE;
}

static void ticked(void *cookie)
{
    struct events *e = cookie;

    if (!e->asking)
        ask(e, NULL);
}

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static int parse(int argc, char **argv, struct events *e)
{
    static const struct option LONG[] = {
        FOLLOW_OPTIONS,
        { "type", required_argument, NULL, FLAG_TYPE },       { "user", required_argument, NULL, FLAG_USER },
        { "ip", required_argument, NULL, FLAG_IP },           { "outcome", required_argument, NULL, FLAG_OUTCOME },
        { "last", required_argument, NULL, FLAG_LAST },       { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char **const texts[] = { &e->type, &e->user, &e->ip, &e->outcome };
    int opt, code;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (follow_option(&e->follow, "events", opt, optarg, &code))
            continue;
        if (code)
            return code;
        if (opt == 'h') {
            fputs(USAGE, stdout);
            return -1;
        }
        if (opt >= FLAG_TYPE && opt <= FLAG_OUTCOME)
            *texts[opt - FLAG_TYPE] = optarg;
        else if (opt != FLAG_LAST)
            return usage_error("events", "wrong arguments");
        else if (!argument_number(optarg, 0, PAGES_MAX * PAGE, &e->last))
            return usage_error("events", "--last: 0 to %u", PAGES_MAX * PAGE);
    }
    if (optind + 1 != argc || strcmp(argv[optind], "tail") != 0)
        return usage_error("events", "expected `tail`");
    return EXIT_DONE;
}

int cmd_events(int argc, char **argv)
{
    struct events e = { .found = json_array() };
    struct buffer why;

    settings_init(&e.follow.settings);
    buffer_init(&why, 4096);
    int code = parse(argc, argv, &e);
    if (!code) {
        enum result r = settings_load(&e.follow.settings, &why);
        code = r ? fail_with(r, &why) : follow_run(&e.follow, begin, ticked, POLL_MS, &e);
    }
    json_decref(e.found);
    buffer_free(&why);
    settings_free(&e.follow.settings);
    return code < 0 ? EXIT_DONE : code;
}
