/* Two principals with fixed keys, as the tests of the bus need them: keyrings, their principals file, messages. */
#ifndef HLIDKA_TEST_PARTIES_H
#define HLIDKA_TEST_PARTIES_H

#include "seal.h"

/* A keyring from these lines, as if from files of mode 0600; sign_lines may be NULL. Aborts the test on failure. */
struct keyring *party_keyring(const char *key_lines, const char *sign_lines);

/* A path to a file of that content and mode that is gone with the process. */
const char *party_file(const void *content, size_t len, unsigned mode);

/* Secret keys are 32 times that byte: backend 0x11 (signs 0x33), service 0x22, edge 0x44. */
#define BACKEND_KEY "ERERERERERERERERERERERERERERERERERERERERERE="
#define SERVICE_KEY "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI="
#define EDGE_KEY    "REREREREREREREREREREREREREREREREREREREREREQ="
#define OPS_KEY     "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVU="
#define SIGN_SEED   "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM="
struct keyring *party_backend(void);
struct keyring *party_service(void);
struct keyring *party_edge(void);
struct keyring *party_ops(void);            /* signs with the seed */

/*
 * backend (auth.*, crypto.*, ratelimit.*, event:app.*), edge (auth.session.introspect, ratelimit.check), ops (*,
 * signs), and `service`, whose key is the service's, with event:auth.*.
 */
struct principals *party_principals(const char *service);

/* A sound header of that kind from src to dst; no keys, nonce 24 times 7. */
struct envelope_header party_header(enum envelope_kind kind, const char *op, const char *src, const char *dst, uint64_t now_ms);

#endif
