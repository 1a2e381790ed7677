/*
 * What a person's rows hold that must not be read in a database file: sealed columns, and keyed hashes to find rows
 * by. All keys come from the service's data key, which is nowhere in the database but wrapped by crypto.
 *
 *     key of a purpose = crypto_kdf (BLAKE2b, libsodium) of the data key, context "hlidkaau"
 *     sealed           = 1 ‖ nonce (24) ‖ XChaCha20-Poly1305-IETF(key, nonce, aad = column ‖ 0 ‖ row, value)
 *     lookup           = BLAKE2b-256(key, each part as u32 BE length ‖ bytes)
 *
 * column is "table.column", row the primary key: a value that was moved to another row or column does not open. Device
 * hashes are of one owner, so that two people's devices cannot be told to be the same.
 */
#ifndef HLIDKA_AUTH_COLUMNS_H
#define HLIDKA_AUTH_COLUMNS_H

#include "device.h"
#include "secret.h"

#define COLUMNS_KEY_LEN 32
#define COLUMN_NONCE_LEN 24
#define COLUMN_OVERHEAD (1 + COLUMN_NONCE_LEN + 16)
#define LOOKUP_LEN 32

struct columns;

/* data_key: COLUMNS_KEY_LEN bytes, not kept, else RESULT_OUT_OF_RANGE. RESULT_NO_MEMORY, RESULT_CRYPTO. */
MUST_USE enum result columns_new(struct bytes data_key, struct columns **out);
/* NULL is fine. */
void columns_free(struct columns *c);

/* Appends. RESULT_CRYPTO; errors also as buffer_reserve. */
MUST_USE enum result column_seal(const struct columns *c, const char *column, struct bytes row,
                                 const uint8_t nonce[COLUMN_NONCE_LEN], struct bytes value, struct buffer *out);
/* Appends. RESULT_NOT_AUTHENTIC when key, column, row or sealed is another. */
MUST_USE enum result column_open(const struct columns *c, const char *column, struct bytes row, struct bytes sealed,
                                 struct buffer *out);

void lookup_telegram(const struct columns *c, struct text telegram_id, uint8_t out[LOOKUP_LEN]);
/* owner: whose device it is, by what a login knows of them: their Telegram id. */
void lookup_device_id(const struct columns *c, struct text owner, struct text device_id, uint8_t out[LOOKUP_LEN]);
void lookup_device_info(const struct columns *c, struct text owner, enum device_type type, struct text info,
                        uint8_t out[LOOKUP_LEN]);
/* Of what Telegram signed: its hash. */
void lookup_login(const struct columns *c, struct bytes hash, uint8_t out[LOOKUP_LEN]);
/* A backup code of that user: moved to another's rows it is nobody's. */
void lookup_backup_code(const struct columns *c, struct text user_id, struct bytes bits, uint8_t out[LOOKUP_LEN]);

#endif
