#include "service_settings.h"

#include "admin.h"
#include "seal.h"

#include <stdalign.h>
#include <stdlib.h>

/* In the order of enum log_level. */
static const char *const LEVELS[] = { "debug", "info", "warn", "error", NULL };

static const struct env_setting COMMON[] = {
#define AT(member) offsetof(struct service_settings, member)
    { "HLIDKA_BROKERS", ENV_TEXT, AT(brokers), .required = true, .help = "host:port list of the Kafka brokers" },
    { "HLIDKA_TOPIC_PREFIX", ENV_TEXT, AT(prefix), .fallback = "hlidka.", .max = 64,
      .help = "what every topic's name begins with" },
    { "HLIDKA_PRINCIPALS", ENV_TEXT, AT(principals), .required = true,
      .help = "YAML file of who may do what; reloaded on change" },
    { "HLIDKA_KEY_FILE", ENV_TEXT, AT(key_file), .required = true, .help = "our secret keys, mode 0600; the first line sends" },
    { "HLIDKA_SIGN_FILE", ENV_TEXT, AT(sign_file), .help = "our Ed25519 seeds, mode 0600, where we sign" },
    { "HLIDKA_ADMIN", ENV_TEXT, AT(admin), .required = true, .help = "address:port of /livez, /readyz and /metrics" },
    { "HLIDKA_INSTANCE", ENV_TEXT, AT(instance), .max = 64, .help = "this process among its kind; <service>-<host>-<pid> unless given" },
    { "HLIDKA_LOG_LEVEL", ENV_CHOICE, AT(log_level), .fallback = "info", .choices = LEVELS, .help = "the least that is logged" },
    { "HLIDKA_WINDOW", ENV_UINT, AT(window), .fallback = "256", .min = 1, .max = 10000,
      .help = "messages in flight per partition" },
    { "HLIDKA_SLOW_MAX", ENV_UINT, AT(slow_max), .fallback = "64", .min = 1, .max = 10000,
      .help = "slow ops in flight in this process" },
#undef AT
};
#define COMMON_COUNT (sizeof(COMMON) / sizeof(COMMON[0]))

/* Both structs lie in one block, for one table: ours, and then the service's own. */
static size_t own_offset(void)
{
    size_t align = alignof(max_align_t);

    return (sizeof(struct service_settings) + align - 1) / align * align;
}

static struct env_setting *whole_table(const struct service_spec *spec)
{
    struct env_setting *all = calloc(COMMON_COUNT + spec->setting_count, sizeof(*all));

    if (!all)
        return NULL;
    memcpy(all, COMMON, sizeof(COMMON));
    for (size_t i = 0; i < spec->setting_count; i++) {
        all[COMMON_COUNT + i] = spec->settings[i];
        all[COMMON_COUNT + i].offset += own_offset();
    }
    return all;
}

/* What Kafka takes in names of topics and clients. */
static enum result check_name(const char *setting, const char *value, struct buffer *why)
{
    size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (value[len] == '\0')
        return RESULT_OK;
    enum result r = buffer_printf(why, "%s: only letters, digits, '.', '_' and '-'\n", setting);
    return r ? r : RESULT_BAD_CONFIG;
}

enum result service_settings_load(const struct service_spec *spec, struct service_settings **out, void **own, struct buffer *why)
{
    struct env_setting *all = whole_table(spec);
    struct service_settings *s = calloc(1, own_offset() + spec->settings_size);
    enum result r = RESULT_NO_MEMORY;

    if (!all || !s)
        goto fail;
    r = env_load(all, COMMON_COUNT + spec->setting_count, s, why);
    if (r)
        goto fail;
    r = check_name("HLIDKA_TOPIC_PREFIX", s->prefix, why);
    if (!r && s->instance)
        r = check_name("HLIDKA_INSTANCE", s->instance, why);
    if (r)
        goto fail;
    free(all);
    *own = (uint8_t *)s + own_offset();
    *out = s;
    return RESULT_OK;

fail:
    free(s);
    free(all);
    return r;
}

void service_settings_free(struct service_settings *s)
{
    free(s);
}

enum result service_settings_describe(const struct service_spec *spec, struct buffer *out)
{
    struct env_setting *all = whole_table(spec);
    enum result r;

    if (!all)
        return RESULT_NO_MEMORY;
    r = env_describe(all, COMMON_COUNT + spec->setting_count, out);
    free(all);
    return r;
}

enum result service_settings_check(const struct service_spec *spec, const struct service_settings *s, const void *own,
                                   struct buffer *why)
{
    struct principals *principals;
    struct keyring *keyring;
    enum result worst = admin_check(s->admin, why), r;

    r = principals_load(s->principals, &principals, why);
    if (!r)
        principals_drop(principals);
    worst = worst ? worst : r;
    r = keyring_load(s->key_file, s->sign_file, &keyring, why);
    if (!r)
        keyring_free(keyring);
    worst = worst ? worst : r;
    if (spec->check) {
        r = spec->check(own, why);
        worst = worst ? worst : r;
    }
    return worst;
}

enum log_level service_log_level(const struct service_settings *s)
{
    enum log_level level = LOG_DEBUG;

    while (strcmp(LEVELS[level], s->log_level) != 0)
        level++;
    return level;
}
