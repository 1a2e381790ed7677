"""Whether a webhook comes from whom it says: Telegram's secret token, and Stripe's timestamped HMAC (also of your own services).

    orders = webhooks.Signed([secret])                  # once per process: it remembers what it has taken
    orders.verify(request.headers.get("Stripe-Signature"), await request.body())       # or raises Rejected
"""
from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Sequence

HEADER_MAX = 4096
SIGNATURES_MAX = 16         # in one header: a sender that rolls its secret signs with each
TELEGRAM_HEADER = "X-Telegram-Bot-Api-Secret-Token"
STRIPE_HEADER = "Stripe-Signature"

_TELEGRAM = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TIME = re.compile(r"[0-9]{1,12}")
_HEX = re.compile(r"[0-9a-f]{64}")


class Rejected(Exception):
    """Not from there, too old, or here before. The text is for the log; the sender learns nothing from it."""


def telegram(secret: str, header: str | None) -> None:
    """`secret` is the secret_token that setWebhook was given; `header` what came in X-Telegram-Bot-Api-Secret-Token."""
    if not _TELEGRAM.fullmatch(secret):
        raise ValueError("secret_token: 1-256 of A-Z, a-z, 0-9, _ and -")
    if header is None or not hmac.compare_digest(secret.encode(), header.encode("utf-8", "replace")):
        raise Rejected("no secret token of ours")


class Replayed(Rejected):
    """Authentic, and here before."""


class Signed:
    """HMAC-SHA-256 over `<time>.<body>`, in a header `t=<seconds since 1970>,v1=<hex>[,v1=…]`.

    What was taken is refused when it comes again, for as long as its time would be good (the tolerance both ways). The memory
    is this object's: behind several processes a replay meets another one's, so make what the webhook does idempotent by the
    sender's event id, too. Only authentic messages are remembered; at `memory` of them within the window, new ones are refused.
    """

    def __init__(self, secrets: Sequence[bytes], *, tolerance_s: int = 300, scheme: str = "v1", memory: int = 100_000) -> None:
        if not secrets or any(len(s) < 16 for s in secrets):
            raise ValueError("secrets: one or more, of at least 16 bytes")
        self._secrets, self._tolerance, self._scheme, self._memory = list(secrets), tolerance_s, scheme, memory
        self._seen: OrderedDict[bytes, int] = OrderedDict()     # digest -> when it may be forgotten

    def verify(self, header: str | None, body: bytes, now: float | None = None) -> int:
        """The time that the sender signed; raises Rejected."""
        now = time.time() if now is None else now
        signed_at, signatures = self._parse(header)
        digests = [self._digest(secret, signed_at, body) for secret in self._secrets]
        # every pair is compared, whatever the first ones said
        found = [hmac.compare_digest(d, s) for d in digests for s in signatures]
        if not any(found):
            raise Rejected("no signature of ours")
        if abs(now - signed_at) > self._tolerance:
            raise Rejected("too old, or from the future")
        self._remember(digests[0], signed_at, now)
        return signed_at

    def sign(self, body: bytes, now: float | None = None) -> str:
        """The header for a message of our own, under the first secret."""
        at = int(time.time() if now is None else now)
        return f"t={at},{self._scheme}={self._digest(self._secrets[0], at, body).hex()}"

    def _parse(self, header: str | None) -> tuple[int, list[bytes]]:
        if header is None or len(header) > HEADER_MAX:
            raise Rejected("no header")
        pairs = [pair.strip().partition("=") for pair in header.split(",")]
        times = [value for name, _, value in pairs if name == "t"]
        texts = [value for name, _, value in pairs if name == self._scheme]
        if len(times) != 1 or not _TIME.fullmatch(times[0]) or not 0 < len(texts) <= SIGNATURES_MAX:
            raise Rejected("not one time and a signature")
        return int(times[0]), [bytes.fromhex(t) for t in texts if _HEX.fullmatch(t)]

    def _digest(self, secret: bytes, at: int, body: bytes) -> bytes:
        return hmac.new(secret, b"%d." % at + body, hashlib.sha256).digest()

    def _remember(self, digest: bytes, signed_at: int, now: float) -> None:
        # By the first secret's digest, whichever signed: one message is one, however many signatures it carries.
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if digest in self._seen:
            raise Replayed("here before")
        if len(self._seen) >= self._memory:
            raise Rejected("more than can be remembered")
        self._seen[digest] = int(now) + 2 * self._tolerance + 1     # in order: `now` does not run backwards by much
