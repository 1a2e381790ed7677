"""Webhooks: theirs are taken, once; nobody else's are."""
from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import pytest
from hlidka import webhooks

NOW = 1_800_000_000
OLD, NEW = b"o" * 32, b"n" * 32
BODY = b'{"id": "evt_1"}'


def header(secret: bytes = NEW, at: int = NOW, body: bytes = BODY, scheme: str = "v1") -> str:
    return f"t={at},{scheme}={hmac.new(secret, b'%d.' % at + body, hashlib.sha256).hexdigest()}"


def hooks(secrets: Sequence[bytes] = (NEW, OLD), memory: int = 100) -> webhooks.Signed:
    return webhooks.Signed(secrets, memory=memory)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What hmac.compare_digest has been given."""
    seen: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(a: bytes, b: bytes) -> bool:
        seen.append((a, b))
        return compare(a, b)
    monkeypatch.setattr(hmac, "compare_digest", watched)
    return seen


def test_telegrams_token_is_compared_whole_and_in_constant_time(compared: list[tuple[bytes, bytes]]) -> None:
    webhooks.telegram("s3cret_-", "s3cret_-")
    for wrong in ("", "s3cret_", "s3cret_-x", "S3CRET_-", "š3cret_-"):
        with pytest.raises(webhooks.Rejected):
            webhooks.telegram("s3cret_-", wrong)
    assert len(compared) == 6
    with pytest.raises(webhooks.Rejected):
        webhooks.telegram("s3cret_-", None)
    for bad in ("", "a" * 257, "with space"):
        with pytest.raises(ValueError, match="secret_token"):
            webhooks.telegram(bad, bad)


@pytest.mark.parametrize("signed", [header(), header(OLD), header(NEW) + ",v0=00", f"{header()},v1={'0' * 64}",
                                    f"t={NOW},v1={'0' * 64},{header().partition(',')[2]}", header().replace(",", ", ")])
def test_what_one_of_the_secrets_signed_is_taken(signed: str) -> None:
    assert hooks().verify(signed, BODY, NOW) == NOW


@pytest.mark.parametrize("signed", [
    None, "", "t=", "v1=00", f"t={NOW}", header(b"x" * 32), header(body=b"other"),
    header(at=NOW + 1).replace(str(NOW + 1), str(NOW)), header(scheme="v0"),
    header() + f",t={NOW}", header()[:-1], header().upper(), f"t=1e9,{header().partition(',')[2]}",
    f"t=-{NOW},{header().partition(',')[2]}", f"t={NOW}," + ",".join(["v1=" + "0" * 64] * 17), "t=1," + "x" * 5000])
def test_anything_else_is_refused(signed: str | None) -> None:
    with pytest.raises(webhooks.Rejected):
        hooks().verify(signed, BODY, NOW)


@pytest.mark.parametrize(("age", "good"), [(300, True), (301, False), (-300, True), (-301, False), (0, True)])
def test_the_time_is_judged_at_the_boundary(age: int, good: bool) -> None:
    if good:
        assert hooks().verify(header(), BODY, NOW + age) == NOW
    else:
        with pytest.raises(webhooks.Rejected, match="too old"):
            hooks().verify(header(), BODY, NOW + age)


def test_a_replay_is_refused_for_as_long_as_its_time_is_good() -> None:
    here = hooks()
    here.verify(header(at=NOW + 300), BODY, NOW)
    for now in range(NOW, NOW + 900, 50):
        with pytest.raises(webhooks.Rejected):
            here.verify(header(at=NOW + 300), BODY, now)
    # nor in another dress: with a second signature, by the other secret
    with pytest.raises(webhooks.Rejected, match="here before"):
        here.verify(header(OLD, at=NOW + 300), BODY, NOW)
    here.verify(header(at=NOW + 1), BODY, NOW)
    here.verify(header(at=NOW + 300, body=b"other"), b"other", NOW)


def test_the_memory_is_bounded_and_forgets_what_is_too_old() -> None:
    here = hooks(memory=3)
    for n in range(3):
        here.verify(header(at=NOW + n), BODY, NOW)
    with pytest.raises(webhooks.Rejected, match="remembered"):
        here.verify(header(at=NOW + 3), BODY, NOW)
    with pytest.raises(webhooks.Rejected, match="no signature"):        # strangers take no room
        here.verify(header(b"x" * 32), BODY, NOW)
    later = NOW + 700
    assert here.verify(header(at=later), BODY, later) == later


def test_every_secret_and_signature_is_compared(compared: list[tuple[bytes, bytes]]) -> None:
    hooks().verify(f"{header()},v1={'0' * 64}", BODY, NOW)
    assert len(compared) == 4


def test_our_own_messages_verify() -> None:
    assert hooks().verify(hooks().sign(BODY, NOW), BODY, NOW) == NOW
    for bad in ([], [b"short"]):
        with pytest.raises(ValueError, match="secrets"):
            hooks(bad)
