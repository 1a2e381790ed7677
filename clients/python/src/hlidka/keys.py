"""Who is who: the principals file with everybody's public keys, and our own secret ones (PROTOCOL.md section 2)."""
from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import yaml
from nacl import bindings as sodium

from .clock import boottime
from .errors import BadConfig

log = logging.getLogger("hlidka")

RELOAD_S = 1.0      # how often the files are looked at


def key_id(public: bytes) -> bytes:
    return hashlib.blake2b(public, digest_size=32).digest()[:8]


@dataclass(frozen=True, slots=True)
class OwnKey:
    id: bytes
    public: bytes
    secret: bytes

    @classmethod
    def of(cls, secret: bytes) -> OwnKey:
        public = sodium.crypto_scalarmult_base(secret)
        return cls(key_id(public), public, secret)


def read_secrets(path: Path) -> list[bytes]:
    """32 bytes a line in base64; refused where anybody else could read them."""
    try:
        if path.stat().st_mode & 0o177:
            raise BadConfig(f"{path}: must have mode 0600 or stricter")
        secrets = [base64.b64decode(line, validate=True) for line in path.read_text().split()]
    except (OSError, UnicodeDecodeError, binascii.Error) as e:
        raise BadConfig(f"{path}: {e}") from e
    if not secrets or any(len(s) != 32 for s in secrets):
        raise BadConfig(f"{path}: not one or more lines with the base64 of 32 bytes")
    return secrets


def read_principals(path: Path) -> dict[str, dict[bytes, bytes]]:
    """Of each principal its public keys by id, the one to send to first."""
    try:
        document = yaml.safe_load(path.read_text())
        named = {str(name): [base64.b64decode(k, validate=True) for k in entry["keys"]]
                 for name, entry in document["principals"].items()}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, binascii.Error, KeyError, TypeError, AttributeError) as e:
        raise BadConfig(f"{path}: {e!r}") from e
    every = [k for keys in named.values() for k in keys]
    if any(len(k) != 32 for k in every) or len(set(every)) != len(every) or not all(named.values()):
        raise BadConfig(f"{path}: a principal without keys, a key that is not 32 bytes, or one that stands twice")
    return {name: {key_id(k): k for k in keys} for name, keys in named.items()}


class Keyring:
    """Read anew when a file changes; a bad file is refused whole and what was there stays."""

    def __init__(self, principal: str, principals: Path, key: Path, sign: Path | None) -> None:
        self._principal = principal
        self._principals_path, self._key_path, self._sign_path = principals, key, sign
        self._looked_at = boottime()
        self._stamp = self._stamps()
        self._read()

    def _stamps(self) -> list[tuple[int, int, int]]:
        paths = [p for p in (self._principals_path, self._key_path, self._sign_path) if p is not None]
        try:
            return [(s.st_ino, s.st_size, s.st_mtime_ns) for s in (p.stat() for p in paths)]
        except OSError:
            return []       # in the middle of being replaced

    def _read(self) -> None:
        own = [OwnKey.of(s) for s in read_secrets(self._key_path)]
        peers = read_principals(self._principals_path)
        if own[0].id not in peers.get(self._principal, {}):
            raise BadConfig(f"{self._key_path}: its first key is none of {self._principal} in {self._principals_path}")
        seed = read_secrets(self._sign_path)[0] if self._sign_path is not None else None
        self._signer = sodium.crypto_sign_seed_keypair(seed)[1] if seed is not None else None
        self._own, self._peers = {k.id: k for k in own}, peers
        self._sending = own[0]
        self._shared: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}

    def refresh(self) -> bool:
        """Whether what was there has been replaced."""
        now = boottime()
        if now - self._looked_at < RELOAD_S:
            return False
        self._looked_at = now
        stamp = self._stamps()
        if not stamp or stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._read()
        except BadConfig as e:
            log.warning("the old keys stay: %s", e)
            return False
        return True

    @property
    def sending(self) -> OwnKey:
        return self._sending

    @property
    def signer(self) -> bytes | None:
        """libsodium's 64 bytes of an Ed25519 secret key."""
        return self._signer

    def first_of(self, principal: str) -> bytes | None:
        """The id of the key to send to."""
        return next(iter(self._peers.get(principal, ())), None)

    def shared(self, peer: str, peer_id: bytes, own_id: bytes) -> tuple[bytes, bytes] | None:
        """(rx, tx) of the side that starts the exchange; None unless `peer` lists that key and we hold the other."""
        public, own = self._peers.get(peer, {}).get(peer_id), self._own.get(own_id)
        if public is None or own is None:
            return None
        pair = self._shared.get((peer_id, own_id))
        if pair is None:
            pair = sodium.crypto_kx_client_session_keys(own.public, own.secret, public)
            self._shared[peer_id, own_id] = pair
        return pair
