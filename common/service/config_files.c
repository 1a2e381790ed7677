#include "config_files.h"

#include "file.h"
#include "file_list.h"
#include "log.h"
#include "said.h"

#include <sodium.h>
#include <stdio.h>

enum { WHY_MAX = 16384 };

/* 0: it is not there. */
static uint64_t stamp_of(const struct config_file *f)
{
    struct file_stamp stamp = { 0 };
    uint8_t digest[crypto_generichash_BYTES];

    if (f->suffix)
        return file_list_stamp(f->path, f->suffix);
    if (file_stamp(f->path, &stamp))
        return 0;
    crypto_generichash(digest, sizeof(digest), (const uint8_t *)&stamp, sizeof(stamp), NULL, 0);
    return bytes_get_u64(digest) | 1;
}

static enum result add_metrics(struct metrics *m, struct watched_config *w)
{
    const struct {
        const char *outcome;
        const uint64_t *value;
    } counters[] = { { "taken", &w->taken }, { "refused", &w->failed } };
    char labels[96];
    enum result r = RESULT_OK;

    for (size_t i = 0; !r && i < sizeof(counters) / sizeof(counters[0]); i++) {
        (void)snprintf(labels, sizeof(labels), "file=\"%s\",outcome=\"%s\"", w->file.name, counters[i].outcome);
        r = metrics_counter(m, "hlidka_config_reloads_total", "Files of policy read again.", labels, counters[i].value);
    }
    (void)snprintf(labels, sizeof(labels), "file=\"%s\"", w->file.name);
    return r ? r : metrics_gauge(m, "hlidka_config_refused", "1 while the file on disk is refused and an older one in force.", labels,
                                 &w->refused);
}

enum result config_files_add(struct config_files *c, const struct config_file *file, struct buffer *why)
{
    struct watched_config *w = &c->files[c->count];

    if (c->count == CONFIG_FILES_MAX)
        return RESULT_FULL;
    /* The stamp first, here and below: what changes while it is read differs from it, and is read again. */
    *w = (struct watched_config){ .file = *file, .stamp = stamp_of(file) };
    enum result r = file->load(file->cookie, why);
    if (!r)
        r = add_metrics(c->metrics, w);
    if (!r)
        c->count++;
    return r;
}

static void load(struct watched_config *w)
{
    struct buffer why;

    buffer_init(&why, WHY_MAX);
    w->stamp = stamp_of(&w->file);
    enum result r = w->file.load(w->file.cookie, &why);
    struct text reason = { (const char *)why.data, why.len };
    w->refused = r != RESULT_OK;
    if (r) {
        w->failed++;
        if (said_anew(&w->said, r, reason))
            log_error("config.refused", LOG_STR("file", w->file.name), LOG_STR("path", w->file.path), LOG_RESULT(r),
                      LOG_TEXT("why", reason));
    } else {
        w->taken++;
        w->said = 0;
        log_info("config.loaded", LOG_STR("file", w->file.name), LOG_STR("path", w->file.path));
    }
    buffer_free(&why);
}

static bool due(const struct watched_config *w)
{
    uint64_t now = stamp_of(&w->file);

    return w->refused > 0 || (now != 0 && now != w->stamp);
}

void config_files_look(struct config_files *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (due(&c->files[i]))
            load(&c->files[i]);
}

void config_files_reload(struct config_files *c)
{
    for (unsigned i = 0; i < c->count; i++)
        load(&c->files[i]);
}
