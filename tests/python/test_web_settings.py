"""Headers, settings, and what a device is called."""
from __future__ import annotations

import httpx
import pytest
from hlidka import BadConfig
from hlidka.fastapi import Settings
from hlidka.fastapi.device import describe
from web import CSP_NAME, unconnected


def test_every_header_is_a_setting() -> None:
    async def off(client: httpx.AsyncClient) -> None:
        names = {n.lower() for n in (await client.get("/page")).headers}
        assert names == {"content-length", "content-type", "vary", "x-content-type-options"}
    unconnected(off, hsts=None, frame_options=None, referrer_policy=None, permissions_policy=None, opener_policy=None,
                resource_policy=None, csp=None)

    async def enforced(client: httpx.AsyncClient) -> None:
        headers = (await client.get("/page")).headers
        assert headers["content-security-policy"] == "default-src 'self'; report-uri https://r.example/; report-to csp"
        assert headers["reporting-endpoints"] == 'csp="https://r.example/"'
        assert CSP_NAME not in headers
        assert headers["strict-transport-security"] == "max-age=1"
        assert headers["x-frame-options"] == "SAMEORIGIN"
    unconnected(enforced, csp="default-src 'self'", csp_mode="enforce", csp_report_to="https://r.example/", hsts="max-age=1",
                frame_options="SAMEORIGIN")


def test_the_environment_says_where_the_bus_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROKERS", "PRINCIPALS", "KEY_FILE", "SIGN_FILE", "PRINCIPAL", "TOPIC_PREFIX"):
        monkeypatch.delenv(f"HLIDKA_{name}", raising=False)
    with pytest.raises(BadConfig, match="HLIDKA_BROKERS, HLIDKA_KEY_FILE"):
        Settings.from_env(principals="here")
    monkeypatch.setenv("HLIDKA_BROKERS", "b:1")
    monkeypatch.setenv("HLIDKA_KEY_FILE", "k")
    monkeypatch.setenv("HLIDKA_PRINCIPALS", "p")
    monkeypatch.setenv("HLIDKA_TOPIC_PREFIX", "x.")
    found = Settings.from_env(principals="here", limit_deadline=3)
    assert (found.brokers, found.key, found.principals, found.prefix, found.limit_deadline) == ("b:1", "k", "here", "x.", 3)


@pytest.mark.parametrize(("user_agent", "info"), [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145 on Linux"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 "
     "Edg/142.0.0.0", "Edge 142 on Windows"),
    ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
     "Chrome 142 on Android"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 "
     "Safari/604.1", "Safari 18 on iPhone"),
    ("curl/8.11", "curl/8.11"), ("", "unknown"), ("ž" * 500, "ž" * 128)])
def test_a_device_is_called_what_its_owner_calls_it(user_agent: str, info: str) -> None:
    assert describe(user_agent) == info
