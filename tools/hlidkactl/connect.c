#include "connect.h"

#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "kafka_open.h"

#define PATH_LEN 4096

static void print_notice(void *cookie, const char *text)
{
    (void)cookie;
    complain("%s", text);
}

static enum result need(const char *value, const char *name, const char *how, struct buffer *why)
{
    return value ? RESULT_OK : kafka_fail(RESULT_BAD_CONFIG, why, name, how);
}

enum result connect_client(const struct settings *s, uv_loop_t *loop, unsigned in_flight, void (*ready)(void *cookie),
                           void *cookie, struct hlidka **out, struct buffer *why)
{
    struct hlidka_property properties[SETTINGS_PROPERTIES_MAX];
    char key_path[PATH_LEN], sign_path[PATH_LEN], text[HLIDKA_WHY_LEN];
    enum result r;

    if ((r = need(s->brokers, "brokers", "say which (--brokers, HLIDKA_BROKERS, or --run)", why)) ||
        (r = need(s->principals, "principals", "say where (--principals, HLIDKA_PRINCIPALS, or --run)", why)) ||
        (r = need(s->keys, "keys", "say where (--keys, HLIDKA_KEYS, or --run)", why)))
        return r;
    if (settings_key_path(s, "key", key_path, sizeof(key_path)) || settings_key_path(s, "sign", sign_path, sizeof(sign_path)))
        return kafka_fail(RESULT_BAD_CONFIG, why, s->keys, "the name is too long");
    for (unsigned i = 0; i < s->property_count; i++)
        properties[i] = (struct hlidka_property){ s->properties[i].name, s->properties[i].value };
    const struct hlidka_options options = {
        .brokers = s->brokers, .prefix = s->prefix, .principal = s->principal, .principals_path = s->principals,
        .key_path = key_path, .sign_path = access(sign_path, F_OK) ? NULL : sign_path, .in_flight_max = in_flight,
        .properties = properties, .property_count = s->property_count, .ready = ready,
        .notice = getenv("HLIDKA_VERBOSE") ? print_notice : NULL, .cookie = cookie,
    };
    switch (hlidka_open(loop, &options, out, text)) {
    case HLIDKA_OK:
        return RESULT_OK;
    case HLIDKA_NO_MEMORY:
        return RESULT_NO_MEMORY;
    default:
        return buffer_printf(why, "%s\n", text) ? RESULT_NO_MEMORY : RESULT_BAD_CONFIG;
    }
}

int connect_exit_code(const struct hlidka *client, const struct hlidka_reply *reply)
{
    char why[HLIDKA_WHY_LEN];

    switch (reply->outcome) {
    case HLIDKA_OK:
        return EXIT_DONE;
    case HLIDKA_REFUSED:
        return EXIT_REFUSED;
    default:
        break;
    }
    if (!hlidka_is_ready(client, why)) {
        complain("the bus cannot be reached: %s", why);
        return EXIT_NO_BUS;
    }
    complain("%s (sent %u times)", hlidka_status_text(reply->outcome), reply->sends);
    return EXIT_NO_ANSWER;
}

int connect_refused(enum hlidka_status s)
{
    complain("%s", hlidka_status_text(s));
    return EXIT_USAGE;
}
