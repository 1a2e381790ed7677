/* The settings that every service has, read together with its own: one table, so that a wrong name is told once. */
#ifndef HLIDKA_SERVICE_SETTINGS_H
#define HLIDKA_SERVICE_SETTINGS_H

#include "service.h"

struct service_settings {
    const char *brokers, *prefix, *principals, *key_file, *sign_file, *admin, *instance, *log_level;
    uint64_t window, slow_max;
};

/*
 * Allocates both; *own is the struct of settings_size that spec->settings fill. RESULT_BAD_CONFIG with every mistake
 * in `why`. service_settings_free frees both.
 */
MUST_USE enum result service_settings_load(const struct service_spec *spec, struct service_settings **out, void **own,
                                           struct buffer *why);
void service_settings_free(struct service_settings *s);

/* A line per setting, the common ones first. */
MUST_USE enum result service_settings_describe(const struct service_spec *spec, struct buffer *out);

/* Whether what they name can be used: principals, keys, the address, and what spec->check looks at. All mistakes in `why`. */
MUST_USE enum result service_settings_check(const struct service_spec *spec, const struct service_settings *s, const void *own,
                                            struct buffer *why);

enum log_level service_log_level(const struct service_settings *s);

#endif
