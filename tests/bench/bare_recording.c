/*
 * What the contract asks of one recording of 1 MiB that is put and read in two parts, and nothing else: the ciphers, the
 * hashes and the file, by OpenSSL and the kernel, one thread, no messages, no rows. For each part:
 *
 *     put   the box sealed and opened · SHA-256 of the body (the record of the effect) and of the bytes (the whole's) ·
 *           AES-256-GCM in chunks of 16 KiB · the blob written, synced, its name too
 *     get   the blob read · its chunks opened · the box sealed and opened
 *
 * Prints one JSON line of processor time for each recording, which neighbours do not lengthen and waiting for the disk does
 * not count in: {"ciphers_ms":…,"hashes_ms":…,"file_ms":…}.
 *
 *     bare_recording DIRECTORY [ROUNDS]        (on the disk of the blobs; what is written there is removed)
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PARTS = 2, PART = 512 * 1024, CHUNK = 16 * 1024, TAG = 16, SEALED = PART + PART / CHUNK * TAG };

struct bench {
    EVP_CIPHER *box, *at_rest;
    EVP_CIPHER_CTX *ctx;
    EVP_MD *sha256;
    int directory;
    uint8_t *plain, *sealed, *blob;
};

struct cost {
    double ciphers_ms, hashes_ms, file_ms;
};

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bare_recording: %s failed\n", what);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A nonce is used again and again here: nothing is protected. */
static void aead(EVP_CIPHER_CTX *ctx, int sealing, const uint8_t *in, int len, uint8_t *out)
{
    static const uint8_t NONCE[12] = { 1 };
    const uint8_t *tag = in + len;
    int n;

    must(EVP_CipherInit_ex2(ctx, NULL, NULL, NONCE, sealing, NULL), "nonce");
    if (!sealing)
        must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(uintptr_t)tag), "tag");
    must(EVP_CipherUpdate(ctx, out, &n, in, len) && EVP_CipherFinal_ex(ctx, out + len, &n), "cipher");
    if (sealing)
        must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + len), "tag");
}

static void use(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher)
{
    static const uint8_t KEY[32] = { 2 };

    must(EVP_CipherInit_ex2(ctx, cipher, KEY, NULL, 1, NULL), "key");
}

/* From one end of the bus to the other. */
static void pass(struct bench *b)
{
    use(b->ctx, b->box);
    aead(b->ctx, 1, b->plain, PART, b->sealed);
    aead(b->ctx, 0, b->sealed, PART, b->plain);
}

static void seal_blob(struct bench *b)
{
    use(b->ctx, b->at_rest);
    for (int i = 0; i < PART / CHUNK; i++)
        aead(b->ctx, 1, b->plain + i * CHUNK, CHUNK, b->blob + i * (CHUNK + TAG));
}

static void open_blob(struct bench *b)
{
    use(b->ctx, b->at_rest);
    for (int i = 0; i < PART / CHUNK; i++)
        aead(b->ctx, 0, b->blob + i * (CHUNK + TAG), CHUNK, b->plain + i * CHUNK);
}

static void hash(struct bench *b)
{
    uint8_t digest[EVP_MAX_MD_SIZE];

    must(EVP_Digest(b->plain, PART, digest, NULL, b->sha256, NULL), "digest");
}

static void write_blob(struct bench *b, const char *name)
{
    int fd = openat(b->directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    must(fd >= 0 && write(fd, b->blob, SEALED) == SEALED && fsync(fd) == 0 && fsync(b->directory) == 0, "writing");
    close(fd);
}

static void read_blob(struct bench *b, const char *name)
{
    int fd = openat(b->directory, name, O_RDONLY | O_CLOEXEC);

    must(fd >= 0 && pread(fd, b->blob, SEALED, 0) == SEALED, "reading");
    close(fd);
}

static void part(struct bench *b, const char *name, struct cost *c)
{
    double at[5];

    at[0] = now_ms();
    pass(b);
    seal_blob(b);
    at[1] = now_ms();
    hash(b);
    hash(b);
    at[2] = now_ms();
    write_blob(b, name);
    read_blob(b, name);
    at[3] = now_ms();
    open_blob(b);
    pass(b);
    at[4] = now_ms();
    must(unlinkat(b->directory, name, 0) == 0, "removing");
    c->ciphers_ms += at[1] - at[0] + at[4] - at[3];
    c->hashes_ms += at[2] - at[1];
    c->file_ms += at[3] - at[2];
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100;
    struct bench b = { EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL), EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
                       EVP_CIPHER_CTX_new(), EVP_MD_fetch(NULL, "SHA256", NULL), -1, malloc(PART), malloc(PART + TAG), malloc(SEALED) };
    struct cost c = { 0 };
    char name[64];

    must(argc > 1 && rounds > 0, "usage: bare_recording DIRECTORY [ROUNDS]:");
    must(b.box && b.at_rest && b.ctx && b.sha256 && b.plain && b.sealed && b.blob, "memory");
    b.directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(b.directory >= 0, argv[1]);
    memset(b.plain, 3, PART);
    snprintf(name, sizeof(name), "bare-recording-%d", (int)getpid());
    for (int i = 0; i < 20; i++)        /* warm */
        part(&b, name, &c);
    c = (struct cost){ 0 };
    for (unsigned i = 0; i < rounds * PARTS; i++)
        part(&b, name, &c);
    printf("{\"ciphers_ms\":%.3f,\"hashes_ms\":%.3f,\"file_ms\":%.3f}\n", c.ciphers_ms / rounds, c.hashes_ms / rounds, c.file_ms / rounds);
    return 0;
}
