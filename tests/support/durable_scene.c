#include "durable_scene.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define must(condition) cr_assert(condition, "%s", #condition)

static void on_migrated(void *cookie)
{
    static const uint8_t KEY[DURABLE_SECRET_LEN] = "the same key for both instances";
    struct durable **d = cookie;
    struct secret *secret;

    must(!secret_from(KEY, sizeof(KEY), &secret));
    must(!durable_set_secret(*d, secret));
    secret_free(secret);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    must(file && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

static void shell(const char *command)
{
    must(system(command) == 0);
}

/* A directory that looks as the project's does to durable_open; it becomes the working directory. */
static void make_directory(struct durable_scene *s, const char *sql)
{
    char command[512], *root = getcwd(NULL, 0);

    snprintf(s->directory, sizeof(s->directory), "/tmp/hlidka-durable-XXXXXX");
    must(root && mkdtemp(s->directory));
    snprintf(command, sizeof(command), "mkdir -p %s/common/db %s/services/hlidka/schema && ln -s %s/common/db/schema %s/common/db/schema",
             s->directory, s->directory, root, s->directory);
    shell(command);
    free(root);
    must(chdir(s->directory) == 0);
    write_file("services/hlidka/schema/010_probe.sql", sql, 0644);
    write_file("url", db_server_url(s->server), 0600);
}

static bool both_open(struct fixture *f, void *cookie)
{
    struct durable_scene *s = cookie;

    (void)f;
    return durable_is_open(s->durables[0]) && durable_is_open(s->durables[1]);
}

void durable_scene_open(struct durable_scene *s, const char *const *streams, const char *sql)
{
    struct buffer why;

    *s = (struct durable_scene){ .server = db_postgres_start(NULL) };
    s->f = fixture_new();
    make_directory(s, sql);
    buffer_init(&why, 4096);
    for (unsigned i = 0; i < 2; i++) {
        service_double(&s->services[i], &s->f->loop, i == 0 ? "probe-0" : "probe-1");
        s->services[i].bus = &s->f->buses[i];
        must(!metrics_new(&s->services[i].metrics));
        enum result r = durable_open(&(struct durable_options){
            .service = &s->services[i], .pg_url_file = "url", .schema = "hlidka", .streams = streams,
            .migrated = on_migrated, .cookie = &s->durables[i],
        }, &s->durables[i], &why);
        cr_assert(!r, "%.*s", (int)why.len, (const char *)why.data);
        must(s->services[i].held);
    }
    buffer_free(&why);
    must(fixture_wait(s->f, both_open, s, 20000));
    must(!s->services[0].held && !s->services[1].held);
}

void durable_scene_kill(struct durable_scene *s)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct pg_stats *now = pg_stats(durable_pg(s->durables[i]));
        s->up[i] = now->up;
        s->connects[i] = now->connects;
    }
    db_server_kill(s->server);
}

static bool reconnected(struct fixture *f, void *cookie)
{
    struct durable_scene *s = cookie;

    (void)f;
    for (unsigned i = 0; i < 2; i++) {
        const struct pg_stats *now = pg_stats(durable_pg(s->durables[i]));
        if (now->up < s->up[i] || now->connects < s->connects[i] + s->up[i])
            return false;
    }
    return true;
}

void durable_scene_restart(struct durable_scene *s)
{
    db_server_restart(s->server);
    must(fixture_wait(s->f, reconnected, s, 30000));
}

static void on_closed(void *cookie)
{
    ((struct durable_scene *)cookie)->closed++;
}

struct closing {
    struct durable_scene *s;
    unsigned wanted;
};

static bool is_closed(struct fixture *f, void *cookie)
{
    struct closing *c = cookie;

    (void)f;
    return c->s->closed >= c->wanted;
}

void durable_scene_close_one(struct durable_scene *s, unsigned i)
{
    struct closing c = { s, s->closed + 1 };

    if (!s->durables[i])
        return;
    durable_close(s->durables[i], on_closed, s);
    must(fixture_wait(s->f, is_closed, &c, 10000));
    s->durables[i] = NULL;
}

void durable_scene_close(struct durable_scene *s)
{
    char command[128];

    for (unsigned i = 0; i < 2; i++)
        fixture_bus_stop(s->f, i, 1000);
    for (unsigned i = 0; i < 2; i++) {
        durable_scene_close_one(s, i);
        metrics_free(s->services[i].metrics);
    }
    fixture_free(s->f);
    db_server_stop(s->server);
    must(chdir("/") == 0);
    snprintf(command, sizeof(command), "rm -rf %s", s->directory);
    shell(command);
}

struct asked {
    bool over;
    int64_t value;
};

static void on_answer(void *cookie, struct pg_batch *b)
{
    struct asked *a = cookie;

    a->over = true;
    a->value = pg_outcome(b) == PG_DONE && pg_rows(b, 0) > 0 ? pg_int(b, 0, 0, 0) : -1;
    pg_batch_free(b);
}

static bool answered(struct fixture *f, void *cookie)
{
    (void)f;
    return ((struct asked *)cookie)->over;
}

int64_t durable_scene_run(struct durable_scene *s, unsigned i, struct pg_batch *b)
{
    struct asked a = { false, 0 };

    must(!pg_submit(durable_pg(s->durables[i]), b, 5000, on_answer, &a));
    must(fixture_wait(s->f, answered, &a, 6000));
    return a.value;
}

int64_t durable_scene_int(struct durable_scene *s, unsigned i, const struct pg_statement *what)
{
    struct pg_batch *b;

    must(!pg_batch_new(64, &b) && !pg_batch_add(b, what, NULL, 0));
    return durable_scene_run(s, i, b);
}
