#include "accept.h"

static enum acceptance open_and_read(const struct acceptor *a, const struct principal_key *peer, struct buffer *body,
                                     struct arena *arena, struct accepted *out)
{
    /* A peer that holds its own key cannot make these fail otherwise: no memory is the one exception, and then the
     * next copy may fare better. */
    if (open_box(a->keyring, SEAL_INITIATOR, peer, &out->envelope, body))
        return IGNORED_NOT_AUTHENTIC;
    if (reply_decode(buffer_bytes(body), arena, &out->reply))
        return IGNORED_MALFORMED;
    return ACCEPTED;
}

enum acceptance accept_reply(const struct acceptor *a, struct bytes value, struct buffer *body, struct arena *arena,
                             struct accepted *out)
{
    const struct envelope_header *h = &out->envelope.header;

    if (envelope_frame(value, &out->envelope) || envelope_parse(&out->envelope, ENVELOPE_REPLY))
        return IGNORED_MALFORMED;
    const struct asked *asked = a->find(a->cookie, &h->re);
    if (!asked)
        return IGNORED_UNASKED;
    if (!text_equal(h->src, asked->dst) || !text_equal(h->dst, a->self) || !text_equal(h->op, asked->op))
        return IGNORED_MISMATCHED;
    const struct principal *source = principals_find(a->principals, h->src);
    const struct principal_key *peer = source ? principal_key_find(source, &h->skid) : NULL;
    if (!peer || !keyring_has(a->keyring, &h->dkid))
        return IGNORED_UNKNOWN_KEY;
    return open_and_read(a, peer, body, arena, out);
}
