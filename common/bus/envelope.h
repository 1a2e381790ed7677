/*
 * The sealed message's frame and header (protocol.md section 2): pure encoding and strict decoding, no keys.
 *
 *     value  = [1, header: bin, box: bin] or [1, header: bin, box: bin, sig: bin 64]
 *     header = msgpack map, at most 1,024 bytes, aad of the box exactly as sent
 */
#ifndef HLIDKA_ENVELOPE_H
#define HLIDKA_ENVELOPE_H

#include "buffer.h"
#include "uuid.h"

#define ENVELOPE_VALUE_MAX   1000000u
#define ENVELOPE_HEADER_MAX  1024u
#define ENVELOPE_NAME_MAX    32u            /* a principal's name */
#define ENVELOPE_OP_MAX      64u
#define ENVELOPE_TRACE_MAX   64u
#define ENVELOPE_DEPTH_MAX   8u
#define ENVELOPE_NONCE_LEN   24u
#define ENVELOPE_KEY_ID_LEN  8u
#define ENVELOPE_SIG_LEN     64u
#define ENVELOPE_TAG_LEN     16u
#define ENVELOPE_TTL_MAX_MS  60000u

/* Which keys belong in the header depends on what the message is. */
enum envelope_kind { ENVELOPE_REQUEST, ENVELOPE_REPLY, ENVELOPE_EVENT, ENVELOPE_REVOCATION };

struct key_id {
    uint8_t bytes[ENVELOPE_KEY_ID_LEN];
};

struct envelope_header {
    struct uuid id;
    struct uuid re;                         /* replies */
    struct text op, src, dst;               /* borrowed from the value */
    struct key_id skid, dkid;
    uint64_t ts;                            /* ms since 1970 */
    uint32_t ttl;                           /* requests, 1 … 60,000 ms */
    struct text reply_topic;                /* requests */
    uint64_t reply_partition;               /* as claimed: whether it exists is the receiver's question */
    uint8_t nonce[ENVELOPE_NONCE_LEN];
    bool has_n;                             /* events, optional */
    uint8_t n_instance[8];
    uint64_t n;
    struct text trace;                      /* optional; data NULL when absent */
};

struct envelope {
    struct bytes header_bytes;              /* all borrowed from the value */
    struct bytes box;
    struct bytes sig;                       /* data NULL when absent */
    struct envelope_header header;
};

/*
 * The frame alone. RESULT_TOO_LARGE over ENVELOPE_VALUE_MAX, RESULT_MALFORMED for all else that is wrong.
 * Sets header_bytes, box, sig.
 */
MUST_USE enum result envelope_frame(struct bytes value, struct envelope *out);

/*
 * The header of a framed message, by the rules of what arrives on that topic: on a topic of requests everything
 * has ttl and reply, whatever its op (whether that belongs there is asked later: wrong_topic). A version of the
 * UUID is not asked for: T is the first 48 bits. Over 1,024 bytes, too: RESULT_MALFORMED.
 */
MUST_USE enum result envelope_parse(struct envelope *e, enum envelope_kind kind);

/*
 * Writes the header of a message of that kind. RESULT_TOO_LARGE over 1,024 bytes, RESULT_OUT_OF_RANGE for a field
 * out of its bounds; on error out is as it was.
 */
MUST_USE enum result envelope_write_header(const struct envelope_header *h, enum envelope_kind kind, struct buffer *out);

/* The value around its box, which is made where it stays: envelope_begin, then box_len bytes that the caller appends, then
 * envelope_end where it is signed. */
MUST_USE enum result envelope_begin(struct bytes header, size_t box_len, bool is_signed, struct buffer *out);
MUST_USE enum result envelope_end(const uint8_t sig[ENVELOPE_SIG_LEN], struct buffer *out);

#endif
