"""examples/lessons in a real browser, against the stack that HLIDKA_RUN describes. Screenshots go to <run>/test/demo."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from people import People
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
RUN = Path(os.environ.get("HLIDKA_RUN", ROOT / ".run")).absolute()
SHOTS = RUN / "test/demo"
DEMO = ROOT / "examples/lessons/demo"
STEP_MS = 15_000
PSQL = "/usr/bin/psql"


def demo(command: str) -> str:
    return subprocess.run([DEMO, command], check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the app is, without a slash at the end."""
    said = demo("up")
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found is not None, said
    yield found[0]
    demo("down")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium is not None, "Debian's chromium is not installed (`make setup`)"
    expect.set_options(timeout=STEP_MS)
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses root.
        browser = playwright.chromium.launch(executable_path=chromium, chromium_sandbox=os.geteuid() != 0,
                                             args=["--autoplay-policy=no-user-gesture-required"])
        yield browser
        browser.close()


@pytest.fixture
def people(browser: Browser, address: str) -> Iterator[People]:
    """Browsers of their own, each a person's device; what any of them complained about fails the test."""
    contexts: list[BrowserContext] = []

    def context(user_agent: str | None, ip: str) -> BrowserContext:
        made = browser.new_context(user_agent=user_agent, base_url=address, extra_http_headers={"X-Forwarded-For": ip})
        made.set_default_timeout(STEP_MS)
        contexts.append(made)
        return made
    people = People(context)
    yield people
    for made in contexts:
        made.close()
    assert people.complaints == []


@pytest.fixture
def expire() -> Callable[[], None]:
    """Takes every recording away, as their end does."""
    def run() -> None:
        url = (RUN / "secrets/crypto.pg").read_text().strip()
        subprocess.run([PSQL, url, "-Xqc", "DELETE FROM crypto.objects"], check=True, timeout=30)

    return run


@pytest.fixture
def kept() -> Callable[[], int]:
    """How many recordings there are."""
    def run() -> int:
        url = (RUN / "secrets/crypto.pg").read_text().strip()
        return int(subprocess.check_output([PSQL, url, "-XqAtc", "SELECT count(*) FROM crypto.objects"], timeout=30))

    return run


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """shot(page, "devices"): a picture of it, kept."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: object, name: str) -> None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)     # type: ignore[attr-defined]
    return take
