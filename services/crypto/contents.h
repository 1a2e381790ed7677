/*
 * Content, sealed and opened: under the content ring's key, or with an owner under that person's own, whose wrapped form is
 * in PostgreSQL (store_content.c). Each call answers the request once.
 */
#ifndef HLIDKA_CONTENTS_H
#define HLIDKA_CONTENTS_H

#include "vault.h"

/* The body has been judged. An owner's first encryption makes their key. */
void contents_encrypt(struct vault *v, struct request *rq);
/* Each item opens or fails for itself. */
void contents_decrypt(struct vault *v, struct request *rq);
/* So too, and is sealed under the newest version, or the same owner's key; the plaintext stays here. */
void contents_rewrap(struct vault *v, struct request *rq);

#endif
