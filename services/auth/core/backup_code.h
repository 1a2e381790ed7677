/*
 * Backup codes: 80 random bits as a person writes them down, `XXXX-XXXX-XXXX-XXXX` in Crockford's base32
 * (crockford.com/base32.html): no I, L, O or U; read back in either case, with hyphens anywhere, I and L for 1, O for 0.
 * With 80 bits there is nothing to guess, so a keyed hash of the bits is what is stored (columns.h).
 */
#ifndef HLIDKA_AUTH_BACKUP_CODE_H
#define HLIDKA_AUTH_BACKUP_CODE_H

#include "bytes.h"
#include "result.h"

#define BACKUP_CODES 10
#define BACKUP_CODE_LEN 10
#define BACKUP_CODE_TEXT_LEN 19

/* NUL-terminated. */
void backup_code_format(const uint8_t bits[BACKUP_CODE_LEN], char text[BACKUP_CODE_TEXT_LEN + 1]);

/* RESULT_MALFORMED for what is none. */
MUST_USE enum result backup_code_parse(struct text text, uint8_t bits[BACKUP_CODE_LEN]);

#endif
