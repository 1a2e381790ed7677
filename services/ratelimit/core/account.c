#include "account.h"

#include <sodium.h>

static const uint8_t NAT64[12] = { 0x00, 0x64, 0xff, 0x9b };

bool subject_has(const struct subject *s, enum scope scope)
{
    switch (scope) {
    case SCOPE_USER:
    case SCOPE_USER_ENDPOINT:
        return s->user.data != NULL;
    case SCOPE_IP:
        return s->ip.family != 0;
    case SCOPE_GLOBAL:
        break;
    }
    return true;
}

struct ip account_network(const struct ip *ip)
{
    struct ip n = { .family = ip->family };

    if (ip->family == 4) {
        memcpy(n.bytes, ip->bytes, 4);
    } else if (memcmp(ip->bytes, NAT64, sizeof(NAT64)) == 0) {
        n.family = 4;
        memcpy(n.bytes, ip->bytes + sizeof(NAT64), 4);
    } else {
        memcpy(n.bytes, ip->bytes, 8);
    }
    return n;
}

/* The policies' common part has one length and user ids have no 0 byte, so no two subjects hash alike. */
void account_id(const struct keys *k, const struct policy *p, const struct subject *s, uint8_t out[POLICY_ACCOUNT_LEN])
{
    uint8_t name[POLICY_ACCOUNT_LEN + 1024];
    size_t len = POLICY_ACCOUNT_LEN;

    memcpy(name, p->account, POLICY_ACCOUNT_LEN);
    if (p->scope == SCOPE_IP) {
        struct ip network = account_network(&s->ip);

        name[len++] = network.family;
        memcpy(name + len, network.bytes, sizeof(network.bytes));
        len += sizeof(network.bytes);
    } else if (p->scope != SCOPE_GLOBAL) {
        memcpy(name + len, s->user.data, s->user.len);
        len += s->user.len;
        if (p->scope == SCOPE_USER_ENDPOINT) {
            name[len++] = '\0';
            memcpy(name + len, s->endpoint.data, s->endpoint.len);
            len += s->endpoint.len;
        }
    }
    (void)crypto_generichash(out, POLICY_ACCOUNT_LEN, name, len, keys_get(k, KEY_ACCOUNT), KEYS_LEN);
}

void record_id(const struct keys *k, struct text source, const struct uuid *id, uint8_t out[RECORD_ID_LEN])
{
    uint8_t name[sizeof(id->bytes) + 256];
    size_t len = source.len < 256 ? source.len : 256;

    memcpy(name, id->bytes, sizeof(id->bytes));
    memcpy(name + sizeof(id->bytes), source.data, len);
    (void)crypto_generichash(out, RECORD_ID_LEN, name, sizeof(id->bytes) + len, keys_get(k, KEY_RECORD), KEYS_LEN);
}
