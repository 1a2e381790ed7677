#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "command.h"
#include "connect.h"
#include "json_body.h"
#include "ops.h"
#include "uuid.h"

static const char USAGE[] =
    "usage: hlidkactl call SERVICE OP JSON [--deadline MS] [--id UUID] [--key K] [--trace T] [--raw] [connection flags]\n"
    "\n"
    "Asks a service and prints its answer as JSON: the result, or {\"status\": N, \"error\": {…}}. OP may leave the\n"
    "service's name out; JSON may be - for standard input. Bytes are base64. What the op does not know goes out as it\n"
    "stands, and the service says what it thinks of it. Ops that must be signed are, where the principal has a .sign.\n"
    "\n"
    "  hlidkactl call ratelimit check '{\"user_id\": \"u-1\", \"endpoint\": \"lessons.create\"}'\n"
    "\n"
    "  --deadline MS   to wait for the answer, all sends together (5000)\n"
    "  --id UUID       ask again what was asked under this id (printed with an answer that did not come)\n"
    "  --key K         Kafka key (chosen by op and body)\n"
    "  --trace T       W3C traceparent\n"
    "  --raw           JSON is the hex of msgpack, and so is what is printed: the whole reply\n"
    "\n"
    SETTINGS_HELP
    "\n"
    "Exit codes: 0 status 200, 1 another status, 2 wrong arguments or files, 3 no answer in time, 4 no bus.\n";

struct call_options {
    struct settings settings;
    const char *service, *op, *json, *key, *trace;
    uint32_t deadline_ms;
    struct uuid id;
    bool has_id, raw;
};

struct one_call {
    const struct call_options *options;
    struct hlidka *client;
    int code;
};

enum { FLAG_DEADLINE = 1, FLAG_ID, FLAG_KEY, FLAG_TRACE, FLAG_RAW };

static int parse(int argc, char **argv, struct call_options *o)
{
    static const struct option LONG[] = {
        SETTINGS_OPTIONS,
        { "deadline", required_argument, NULL, FLAG_DEADLINE }, { "id", required_argument, NULL, FLAG_ID },
        { "key", required_argument, NULL, FLAG_KEY },           { "trace", required_argument, NULL, FLAG_TRACE },
        { "raw", no_argument, NULL, FLAG_RAW },                 { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        if (settings_option(&o->settings, opt, optarg))
            continue;
        switch (opt) {
        case FLAG_DEADLINE:
            if (!argument_number(optarg, 1, HLIDKA_DEADLINE_MAX_MS, &o->deadline_ms))
                return usage_error("call", "--deadline: 1 to %u", HLIDKA_DEADLINE_MAX_MS);
            break;
        case FLAG_ID:
            if (uuid_parse(text_of(optarg), &o->id))
                return usage_error("call", "--id: a lower-case UUID");
            o->has_id = true;
            break;
        case FLAG_KEY:
            o->key = optarg;
            break;
        case FLAG_TRACE:
            o->trace = optarg;
            break;
        case FLAG_RAW:
            o->raw = true;
            break;
        case 'h':
            fputs(USAGE, stdout);
            return -1;
        default:
            return usage_error("call", "wrong arguments");
        }
    }
    if (optind + 2 != argc && optind + 3 != argc)
        return usage_error("call", "SERVICE, OP and JSON are needed");
    o->service = argv[optind];
    o->op = argv[optind + 1];
    o->json = optind + 3 == argc ? argv[optind + 2] : o->raw ? "80" : "{}";
    return EXIT_DONE;
}

static void print_id(const uint8_t *bytes)
{
    char text[UUID_TEXT_LEN + 1];
    struct uuid id;

    memcpy(id.bytes, bytes, sizeof(id.bytes));
    uuid_format(&id, text);
    complain("its id is %s", text);
}

static void done(void *cookie, const struct hlidka_reply *reply)
{
    struct one_call *call = cookie;

    call->code = connect_exit_code(call->client, reply);
    if (!reply->body.data)
        print_id(reply->id);
    else if (call->options->raw)
        argument_print_hex(reply->body.data, reply->body.len);
    else if (!argument_print_json(reply->outcome == HLIDKA_OK ? reply->result : reply->body))
        call->code = EXIT_USAGE;
    hlidka_close(call->client, NULL, NULL);
}

static int ask(const struct call_options *o, const char *op, struct bytes body)
{
    struct one_call call = { .options = o, .code = EXIT_USAGE };
    struct buffer why;
    uv_loop_t loop;

    if (uv_loop_init(&loop)) {
        complain("no event loop can be made");
        return EXIT_USAGE;
    }
    buffer_init(&why, HLIDKA_WHY_LEN);
    enum result r = connect_client(&o->settings, &loop, 1, NULL, NULL, &call.client, &why);
    if (r) {
        call.code = fail_with(r, &why);
        goto done;
    }
    enum hlidka_status s = hlidka_call(call.client, &(struct hlidka_request){
        .op = op, .body = { body.data, body.len }, .deadline_ms = o->deadline_ms, .trace = o->trace,
        .id = o->has_id ? o->id.bytes : NULL, .key = { o->key, o->key ? strlen(o->key) : 0 },
    }, done, &call, NULL);
    if (s) {
        call.code = connect_refused(s);
        hlidka_close(call.client, NULL, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
done:
    uv_loop_close(&loop);
    buffer_free(&why);
    return call.code;
}

static int run(struct call_options *o)
{
    char op[ARGUMENT_OP_MAX];
    struct buffer body, why;
    int code;

    buffer_init(&body, ARGUMENT_BODY_MAX);
    buffer_init(&why, 4096);
    enum result r = settings_load(&o->settings, &why);
    if (!r)
        r = argument_op(o->service, o->op, op, &why);
    if (!r)
        r = o->raw ? argument_hex(o->json, &body, &why) : argument_json(op, o->json, &body, &why);
    code = r ? fail_with(r, &why) : ask(o, op, buffer_bytes(&body));
    buffer_free(&why);
    buffer_free(&body);
    return code;
}

int cmd_call(int argc, char **argv)
{
    struct call_options o = { .deadline_ms = 5000 };

    settings_init(&o.settings);
    int code = parse(argc, argv, &o);
    if (!code)
        code = run(&o);
    settings_free(&o.settings);
    return code < 0 ? EXIT_DONE : code;
}
