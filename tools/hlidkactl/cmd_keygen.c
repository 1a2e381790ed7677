#include <getopt.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "key_file.h"

#define NAME_MAX_LEN 32
#define TEMPLATE_MAX 262144

static const char USAGE[] =
    "usage: hlidkactl keygen NAME --dir DIR [--sign] [--add-line | --show]\n"
    "       hlidkactl keygen --fill TEMPLATE --dir DIR\n"
    "\n"
    "Makes DIR/NAME.key, the secret key of a principal, mode 0600, and prints the public half for the principals\n"
    "file: {\"name\": \"NAME\", \"keys\": [\"<base64>\"], \"signs\": []}. What is there is never overwritten.\n"
    "\n"
    "  --dir DIR    where the files go\n"
    "  --sign       DIR/NAME.sign too, an Ed25519 seed for signed ops (and, for audit, alerts)\n"
    "  --add-line   rotation: one new key as the last line of each file, which is made if it is not there\n"
    "  --show       make nothing; print what the files hold\n"
    "  --fill FILE  print the principals file with public keys in the place of @NAME.keys@ and @NAME.signs@, of DIR's\n"
    "               files; those that are not there are made\n"
    "\n"
    "To rotate: add a line here; add its public key as the last one in every principals file; move both to the\n"
    "front; take the old ones away 8 days later.\n"
    "\n"
    "Exit codes: 0 done, 1 a file is there already, 2 wrong arguments or files that cannot be used.\n";

struct options {
    const char *name, *dir, *fill;
    bool sign, add, show;
};

/* A principal's name is part of file and topic names. */
static bool name_valid(const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len <= NAME_MAX_LEN && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option LONG[] = {
        { "dir", required_argument, NULL, 'd' }, { "sign", no_argument, NULL, 's' },
        { "add-line", no_argument, NULL, 'a' },  { "show", no_argument, NULL, 'w' },
        { "fill", required_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "h", LONG, NULL)) != -1) {
        switch (opt) {
        case 'd':
            o->dir = optarg;
            break;
        case 's':
            o->sign = true;
            break;
        case 'a':
            o->add = true;
            break;
        case 'w':
            o->show = true;
            break;
        case 'f':
            o->fill = optarg;
            break;
        case 'h':
            fputs(USAGE, stdout);
            return -1;
        default:
            return usage_error("keygen", "wrong arguments");
        }
    }
    if (o->fill)
        return optind == argc && o->dir && !o->sign && !o->add && !o->show ?
                   EXIT_DONE : usage_error("keygen", "--fill takes --dir and nothing else");
    if (optind + 1 != argc)
        return usage_error("keygen", "one NAME is needed");
    o->name = argv[optind];
    if (!name_valid(o->name))
        return usage_error("keygen", "`%s` is no name: 1 to 32 of A-Za-z0-9._-, not beginning with . or -", o->name);
    if (!o->dir)
        return usage_error("keygen", "--dir is needed");
    if (o->add && o->show)
        return usage_error("keygen", "--add-line and --show exclude each other");
    return EXIT_DONE;
}

/* "<base64>", "<base64>" */
static void print_keys(const struct public_keys *k)
{
    char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];

    for (unsigned i = 0; i < k->count; i++) {
        sodium_bin2base64(text, sizeof(text), k->keys[i], sizeof(k->keys[i]), sodium_base64_VARIANT_ORIGINAL);
        printf("%s\"%s\"", i ? ", " : "", text);
    }
}

static enum result make(const struct options *o, const char *path, enum key_kind kind, struct public_keys *out,
                        struct buffer *why)
{
    enum result r = RESULT_OK;

    if (o->add)
        r = key_file_add(path, kind, why);
    else if (!o->show)
        r = key_file_create(path, why);
    return r ? r : key_file_public(path, kind, out, why);
}

static enum result run(const struct options *o, struct buffer *why)
{
    char key_path[PATH_MAX], sign_path[PATH_MAX];
    struct public_keys keys = { .count = 0 }, signs = { .count = 0 };
    enum result r;

    int len = snprintf(key_path, sizeof(key_path), "%s/%s.key", o->dir, o->name);
    if (len < 0 || (size_t)len + 1 >= sizeof(sign_path))
        return buffer_printf(why, "%s: the name is too long\n", o->dir) ? RESULT_NO_MEMORY : RESULT_OUT_OF_RANGE;
    snprintf(sign_path, sizeof(sign_path), "%s/%s.sign", o->dir, o->name);
    r = make(o, key_path, KEY_EXCHANGE, &keys, why);
    if (!r && o->sign)
        r = make(o, sign_path, KEY_SIGNING, &signs, why);
    if (r)
        return r;
    printf("{\"name\": \"%s\", \"keys\": [", o->name);
    print_keys(&keys);
    printf("], \"signs\": [");
    print_keys(&signs);
    printf("]}\n");
    return RESULT_OK;
}

/* ---- a whole principals file ------------------------------------------------------------------------------------ */

/* "@NAME.keys@" or "@NAME.signs@" at the start of `at`: its length, else 0. */
static size_t placeholder(const char *at, char name[NAME_MAX_LEN + 1], enum key_kind *kind)
{
    const char *end = strchr(at + 1, '@'), *dot = end ? memrchr(at, '.', (size_t)(end - at)) : NULL;

    if (!dot || dot == at + 1 || dot - at - 1 > NAME_MAX_LEN)
        return 0;
    snprintf(name, NAME_MAX_LEN + 1, "%.*s", (int)(dot - at - 1), at + 1);
    bool keys = end - dot == 5 && memcmp(dot, ".keys", 5) == 0, signs = end - dot == 6 && memcmp(dot, ".signs", 6) == 0;
    *kind = signs ? KEY_SIGNING : KEY_EXCHANGE;
    return (keys || signs) && name_valid(name) ? (size_t)(end - at) + 1 : 0;
}

static enum result print_placeholder(const struct options *o, const char *name, enum key_kind kind, struct buffer *why)
{
    char path[PATH_MAX];
    struct public_keys keys = { .count = 0 };
    int len = snprintf(path, sizeof(path), "%s/%s.%s", o->dir, name, kind == KEY_SIGNING ? "sign" : "key");

    if (len < 0 || (size_t)len >= sizeof(path))
        return RESULT_OUT_OF_RANGE;
    enum result r = key_file_public(path, kind, &keys, why);
    if (r == RESULT_NOT_FOUND) {
        buffer_reset(why);
        r = key_file_create(path, why);
        if (!r)
            r = key_file_public(path, kind, &keys, why);
    }
    if (!r)
        print_keys(&keys);
    return r;
}

static enum result fill(const struct options *o, struct buffer *why)
{
    struct buffer file;
    char name[NAME_MAX_LEN + 1];
    enum key_kind kind;

    buffer_init(&file, TEMPLATE_MAX);
    enum result r = file_read(o->fill, &file);
    if (!r)
        r = buffer_append(&file, "", 1);
    if (r && buffer_printf(why, "%s: %s\n", o->fill, result_text(r)))
        r = RESULT_NO_MEMORY;
    for (const char *at = (const char *)file.data; !r && *at;) {
        size_t len = *at == '@' ? placeholder(at, name, &kind) : 0;
        if (len)
            r = print_placeholder(o, name, kind, why);
        else
            putchar(*at);
        at += len ? len : 1;
    }
    buffer_free(&file);
    return r;
}

int cmd_keygen(int argc, char **argv)
{
    struct options o = { 0 };
    struct buffer why;
    int code = parse(argc, argv, &o);

    if (code)
        return code < 0 ? EXIT_DONE : code;
    buffer_init(&why, 4096);
    enum result r = o.fill ? fill(&o, &why) : run(&o, &why);
    code = r ? fail_with(r, &why) : EXIT_DONE;
    buffer_free(&why);
    return code;
}
