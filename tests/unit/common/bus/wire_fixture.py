#!/usr/bin/env python3
"""Writes wire_fixture.h: messages sealed by PyNaCl and msgpack-python from protocol.md alone, for test_seal.c.

    python3 wire_fixture.py > wire_fixture.h
"""
import struct
from hashlib import blake2b

import msgpack
from nacl import bindings as na

NOW = 1_764_000_000_000
CLIENT, SERVICE, SEED = bytes([0x11] * 32), bytes([0x22] * 32), bytes([0x33] * 32)
CLIENT_PK, SERVICE_PK = na.crypto_scalarmult_base(CLIENT), na.crypto_scalarmult_base(SERVICE)
SIGN_PK, SIGN_SK = na.crypto_sign_seed_keypair(SEED)
ID = NOW.to_bytes(6, "big") + bytes.fromhex("7abc8def0123456789ab")
REPLY_ID = (NOW + 5).to_bytes(6, "big") + bytes.fromhex("7abc8def0123456789ac")
BODY = msgpack.packb({"user_id": "u-1", "endpoint": "lessons.create", "mode": "peek"})
REPLY_BODY = msgpack.packb({"status": 200, "result": {}})


def kid(public):
    return blake2b(public, digest_size=32).digest()[:8]


def sealed(header, key, body, sign=False):
    raw = msgpack.packb(header)
    box = na.crypto_aead_xchacha20poly1305_ietf_encrypt(body, raw, header["nonce"], key)
    parts = [1, raw, box]
    if sign:
        parts.append(na.crypto_sign(b"hlidka-request-v1\n" + struct.pack(">I", len(raw)) + raw + box, SIGN_SK)[:64])
    return msgpack.packb(parts)


request = {"id": ID, "op": "ratelimit.check", "src": "backend", "dst": "ratelimit", "skid": kid(CLIENT_PK),
           "dkid": kid(SERVICE_PK), "ts": NOW, "ttl": 5000, "reply": ["hlidka.replies.backend", 3], "nonce": bytes(range(24))}
event = {"id": ID, "op": "event", "src": "backend", "dst": "ratelimit", "skid": kid(CLIENT_PK), "dkid": kid(SERVICE_PK),
         "ts": NOW, "nonce": bytes(range(1, 25)), "n": [b"instance", 41]}
reply = {"id": REPLY_ID, "re": ID, "op": "ratelimit.check", "src": "ratelimit", "dst": "backend", "skid": kid(SERVICE_PK),
         "dkid": kid(CLIENT_PK), "ts": NOW + 5, "nonce": bytes(range(2, 26)), "trace": "00-abc"}

_, client_tx = na.crypto_kx_client_session_keys(CLIENT_PK, CLIENT, SERVICE_PK)
_, server_tx = na.crypto_kx_server_session_keys(SERVICE_PK, SERVICE, CLIENT_PK)

print("/* Made by wire_fixture.py; not to be edited. */")
print(f"#define WIRE_NOW UINT64_C({NOW})")
for name, value in {"client_public": CLIENT_PK, "service_public": SERVICE_PK, "sign_public": SIGN_PK, "client_key_id": kid(CLIENT_PK),
                    "body": BODY, "reply_body": REPLY_BODY, "request": sealed(request, client_tx, BODY),
                    "signed_request": sealed(request, client_tx, BODY, sign=True),
                    "event": sealed(event, client_tx, msgpack.packb({"type": "app.lesson", "time": NOW, "outcome": "success"})),
                    "reply": sealed(reply, server_tx, REPLY_BODY)}.items():
    print(f"static const uint8_t wire_{name}[] = {{")
    for i in range(0, len(value), 16):
        print("    " + " ".join(f"0x{b:02x}," for b in value[i:i + 16]))
    print("};")
