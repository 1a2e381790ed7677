/* The service as its handlers see it. main.c makes it. */
#ifndef HLIDKA_VAULT_H
#define HLIDKA_VAULT_H

#include "audit.h"
#include "context.h"
#include "crypto.h"
#include "decrypts.h"
#include "request.h"
#include "rings.h"

struct blobs;
struct durable;
struct offload;

struct vault_stats {
    uint64_t tampered;                  /* things stored that were found changed */
    uint64_t expired, dropped;          /* recordings, by the janitor */
    uint64_t orphans;                   /* blobs of nobody, removed by it */
    uint64_t items[2];                  /* of decrypt: not opened, opened */
    uint64_t encrypted;
};

struct vault {
    struct durable *durable;
    struct rings *rings;
    struct offload *offload;
    struct blobs *blobs;
    struct uuid store_id;               /* theirs, and PostgreSQL's */
    struct decrypts *decrypts;
    struct vault_stats stats;
    /* An event that is no part of an effect. */
    void (*send)(void *cookie, const struct audit_event *event, struct bytes key);
    void *cookie;
};

/* op -> handler. */
extern const struct route vault_routes[];
extern const size_t vault_route_count;

void handle_encrypt(void *service, struct request *rq);
void handle_decrypt(void *service, struct request *rq);
void handle_rewrap(void *service, struct request *rq);
void handle_audio_put(void *service, struct request *rq);
void handle_audio_get(void *service, struct request *rq);
void handle_audio_stat(void *service, struct request *rq);
void handle_audio_delete(void *service, struct request *rq);
void handle_datakey_create(void *service, struct request *rq);
void handle_datakey_open(void *service, struct request *rq);
void handle_datakey_rewrap(void *service, struct request *rq);

/* How long whoever is refused for want of a store or a fresh key had better wait. */
#define VAULT_RETRY_MS 500

/* With retry_after_ms where it is FAULT_UNAVAILABLE. */
void answer_fault(struct request *rq, enum fault_code code, const char *detail);

/* The body's map as core/ takes it; its texts are borrowed. */
void context_of(const struct text_map *map, struct context *out);

/* ---- events (tell.c) ----------------------------------------------------------------------------------------------- */

/* Items of one request that did not open. owner: data NULL when it is not known. */
void tell_decrypt_failed(struct vault *v, const struct request *rq, struct text owner, size_t count);
/* Some that did: told once a minute. */
void tell_decrypted(struct vault *v, const struct request *rq, struct text owner, size_t count);
/* For decrypts_new: a minute's count. cookie: the vault. */
void tell_decrypts(void *cookie, const struct decrypts_count *c);
/* what: static. */
void tell_tampered(struct vault *v, struct text object_id, struct text owner, struct text what, uint64_t now_ms);

#endif
