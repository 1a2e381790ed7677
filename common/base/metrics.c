#include "metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SERIES_MAX 2000
#define COLLECTORS_MAX 16

enum type { COUNTER, SECONDS, GAUGE, HISTOGRAM };

static const char *const TYPE_NAMES[] = { "counter", "counter", "gauge", "histogram" };

struct series {
    struct series *next;
    char *labels;               /* "" for none */
    const void *value;          /* borrowed; what it points to, the family's type says */
};

struct family {
    struct family *next;
    char *name;
    char *help;
    enum type type;
    struct series *first;
    struct series **end;
};

struct collector {
    void (*collect)(void *cookie);
    void *cookie;
};

struct metrics {
    struct family *first;
    struct family **end;
    size_t series_count;
    struct collector collectors[COLLECTORS_MAX];
    size_t collector_count;
};

enum result metrics_new(struct metrics **out)
{
    struct metrics *m = calloc(1, sizeof(*m));

    if (!m)
        return RESULT_NO_MEMORY;
    m->end = &m->first;
    *out = m;
    return RESULT_OK;
}

static void family_free(struct family *f)
{
    for (struct series *s = f->first, *next; s; s = next) {
        next = s->next;
        free(s->labels);
        free(s);
    }
    free(f->name);
    free(f->help);
    free(f);
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (struct family *f = m->first, *next; f; f = next) {
        next = f->next;
        family_free(f);
    }
    free(m);
}

static struct family *find_family(const struct metrics *m, const char *name)
{
    for (struct family *f = m->first; f; f = f->next) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

/* The family of that name, made if need be. RESULT_CONFLICT when it is of another type or help. */
static enum result family_of(struct metrics *m, const char *name, const char *help, enum type type,
                             struct family **out)
{
    struct family *f = find_family(m, name);

    if (f) {
        *out = f;
        return f->type == type && strcmp(f->help, help) == 0 ? RESULT_OK : RESULT_CONFLICT;
    }
    f = calloc(1, sizeof(*f));
    if (!f)
        return RESULT_NO_MEMORY;
    f->name = strdup(name);
    f->help = strdup(help);
    f->type = type;
    f->end = &f->first;
    if (!f->name || !f->help) {
        family_free(f);
        return RESULT_NO_MEMORY;
    }
    *m->end = f;
    m->end = &f->next;
    *out = f;
    return RESULT_OK;
}

static enum result add(struct metrics *m, const char *name, const char *help, const char *labels, enum type type,
                       const void *value)
{
    struct family *f;

    if (!labels)
        labels = "";
    if (m->series_count >= SERIES_MAX)
        return RESULT_FULL;
    enum result r = family_of(m, name, help, type, &f);
    if (r)
        return r;
    for (const struct series *s = f->first; s; s = s->next) {
        if (strcmp(s->labels, labels) == 0)
            return RESULT_EXISTS;
    }
    struct series *s = calloc(1, sizeof(*s));
    if (!s)
        return RESULT_NO_MEMORY;
    s->labels = strdup(labels);
    if (!s->labels) {
        free(s);
        return RESULT_NO_MEMORY;
    }
    s->value = value;
    *f->end = s;
    f->end = &s->next;
    m->series_count++;
    return RESULT_OK;
}

enum result metrics_counter(struct metrics *m, const char *name, const char *help, const char *labels,
                            const uint64_t *value)
{
    return add(m, name, help, labels, COUNTER, value);
}

enum result metrics_seconds(struct metrics *m, const char *name, const char *help, const char *labels,
                            const double *value)
{
    return add(m, name, help, labels, SECONDS, value);
}

enum result metrics_gauge(struct metrics *m, const char *name, const char *help, const char *labels,
                          const double *value)
{
    return add(m, name, help, labels, GAUGE, value);
}

enum result metrics_histogram(struct metrics *m, const char *name, const char *help, const char *labels,
                              const struct histogram *value)
{
    return add(m, name, help, labels, HISTOGRAM, value);
}

enum result metrics_collector(struct metrics *m, void (*collect)(void *cookie), void *cookie)
{
    if (m->collector_count == COLLECTORS_MAX)
        return RESULT_FULL;
    m->collectors[m->collector_count++] = (struct collector){ collect, cookie };
    return RESULT_OK;
}

/* ---- text ---------------------------------------------------------------------------------------------------- */

static enum result print_head(struct buffer *out, const char *name, const char *suffix, const char *labels)
{
    bool some = labels[0] != '\0';

    return buffer_printf(out, "%s%s%s%s%s ", name, suffix, some ? "{" : "", labels, some ? "}" : "");
}

static enum result print_gauge(struct buffer *out, double v)
{
    char shortest[32];

    if (isnan(v))
        return buffer_append_text(out, TEXT("NaN\n"));
    if (isinf(v))
        return buffer_append_text(out, v > 0 ? TEXT("+Inf\n") : TEXT("-Inf\n"));
    /* 15 digits read well, 17 always lead back to the same number. */
    snprintf(shortest, sizeof(shortest), "%.15g", v);
    if (strtod(shortest, NULL) < v || strtod(shortest, NULL) > v)
        snprintf(shortest, sizeof(shortest), "%.17g", v);
    return buffer_printf(out, "%s\n", shortest);
}

static enum result print_histogram(struct buffer *out, const char *name, const char *labels,
                                   const struct histogram *h)
{
    const char *comma = labels[0] ? "," : "";
    uint64_t cumulative = 0;
    enum result r = RESULT_OK;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && !r; i++) {
        cumulative += h->counts[i];
        if (i == HISTOGRAM_BUCKETS - 1)
            r = buffer_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, cumulative);
        else
            r = buffer_printf(out, "%s_bucket{%s%sle=\"%.10g\"} %" PRIu64 "\n", name, labels, comma,
                              (double)histogram_bound_us(i) / 1e6, cumulative);
    }
    if (!r)
        r = print_head(out, name, "_sum", labels);
    if (!r)
        r = buffer_printf(out, "%" PRIu64 ".%06" PRIu64 "\n", h->sum_us / 1000000, h->sum_us % 1000000);
    if (!r)
        r = print_head(out, name, "_count", labels);
    return r ? r : buffer_printf(out, "%" PRIu64 "\n", h->count);
}

static enum result print_series(struct buffer *out, const struct family *f, const struct series *s)
{
    if (f->type == HISTOGRAM)
        return print_histogram(out, f->name, s->labels, s->value);

    enum result r = print_head(out, f->name, "", s->labels);
    if (r)
        return r;
    if (f->type == GAUGE || f->type == SECONDS)
        return print_gauge(out, *(const double *)s->value);
    return buffer_printf(out, "%" PRIu64 "\n", *(const uint64_t *)s->value);
}

enum result metrics_print(struct metrics *m, struct buffer *out)
{
    enum result r = RESULT_OK;

    for (size_t i = 0; i < m->collector_count; i++)
        m->collectors[i].collect(m->collectors[i].cookie);
    for (const struct family *f = m->first; f && !r; f = f->next) {
        r = buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, TYPE_NAMES[f->type]);
        for (const struct series *s = f->first; s && !r; s = s->next)
            r = print_series(out, f, s);
    }
    return r;
}
