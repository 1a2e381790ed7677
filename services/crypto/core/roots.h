/*
 * Root keys as a secret file holds them: ring keys are wrapped under the newest, and open under the version that wrapped
 * them. One a line, `<version>:<base64 of 32 bytes>`, versions 1 … 2^31-1, each once, in any order, at most 16; a file
 * that is one bare base64 line is version 1:
 *
 *     1:Jx0p…=
 *     2:w3vK…=
 *
 * To rotate: add the new version to the file of every instance, then restart them (rings are wrapped anew by a later op);
 * a version is taken out of the file when no ring key names it and no backup needs it any more.
 */
#ifndef HLIDKA_ROOTS_H
#define HLIDKA_ROOTS_H

#include "secret.h"

struct roots;

#define ROOTS_MAX 16
#define ROOT_KEY_LEN 32

/* RESULT_BAD_CONFIG: `line` is the number of the culprit, from 1 (0: there is none at all). RESULT_NO_MEMORY. */
MUST_USE enum result roots_parse(const struct secret *file, struct roots **out, size_t *line);
void roots_free(struct roots *r);

/* Borrowed; NULL when the file had no such version. */
const struct secret *roots_find(const struct roots *r, uint32_t version);
uint32_t roots_newest(const struct roots *r);

#endif
