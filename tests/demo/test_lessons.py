"""From the login to the sign-out everywhere, as people meet it."""
from __future__ import annotations

import hashlib
import math
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from unittest.mock import ANY

import pytest
from people import FIREFOX, People, ask, done, go, new_person, problem, token, totp
from playwright.sync_api import Page, expect

Shot = Callable[[Page, str], None]
PLAYED = """async (selector) => {
    const audio = document.querySelector(selector);
    await audio.play();
    while (audio.currentTime < 0.2) await new Promise((moved) => { audio.ontimeupdate = moved; });
    return audio.duration;
}"""
PAGES = ("/", "/devices.html", "/security.html", "/payment.html")


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of a tone: 860 KiB, two parts on the bus."""
    path = tmp_path_factory.mktemp("sound") / "lesson.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44_100)
        out.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(i / 16))) for i in range(441_000)))
    return path


def test_the_cookie_is_out_of_every_scripts_reach(people: People, shot: Shot) -> None:
    page = people.stranger()
    go(page, "/")
    shot(page, "1-logged-out")
    page = people.logged_in(new_person())
    shot(page, "2-logged-in")
    cookies = page.context.cookies()
    assert [(c["name"], c["path"], c["domain"]) for c in cookies] == [("__Host-hlidka", "/", "127.0.0.1")]
    assert cookies[0]["httpOnly"]
    assert cookies[0]["secure"]
    assert cookies[0]["sameSite"] == "Strict"
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length, location.hash]") == ["", 0, 0, ""]


def test_a_lesson_is_recorded_and_played_back(people: People, recording: Path, shot: Shot, expire: Callable[[], None]) -> None:
    page = people.logged_in(new_person())
    page.fill("[name=title]", "<img src=x onerror=alert(1)>")
    page.click("text=Create")
    page.wait_for_selector("#left:not(:empty)")
    assert page.inner_text("#left") == "29 more lessons within the hour."
    page.set_input_files("#lessons input[type=file]", recording)
    assert done(page) == "The recording is stored."
    assert page.evaluate(PLAYED, "#lessons audio") == pytest.approx(10, abs=0.1)
    shot(page, "3-lesson")
    assert page.inner_text("#lessons h2") == "<img src=x onerror=alert(1)>"
    back = page.context.request.get(page.get_attribute("#lessons audio", "src") or "").body()
    assert hashlib.sha256(back).digest() == hashlib.sha256(recording.read_bytes()).digest()

    other = people.logged_in(new_person())
    lesson = page.get_attribute("#lessons li", "data-id")
    assert ask(other, "GET", f"/api/lessons/{lesson}/recording")[1]["code"] == "not_found"
    expire()
    assert ask(page, "GET", f"/api/lessons/{lesson}/recording") == (404, ANY), "refused, and not begun with a 200"


def test_a_recording_takes_the_place_of_the_one_before(people: People, recording: Path, kept: Callable[[], int]) -> None:
    page = people.logged_in(new_person())
    page.fill("[name=title]", "Twice")
    page.click("text=Create")
    page.set_input_files("#lessons input[type=file]", recording)
    assert done(page) == "The recording is stored."
    before = kept()
    again = page.evaluate("""async (src) => {
        const sound = await (await fetch(src)).blob();
        return (await fetch(src, {method: 'PUT', headers: {'Content-Type': 'audio/wav'}, body: sound})).status;
    }""", page.get_attribute("#lessons audio", "src"))
    assert (again, kept()) == (204, before)
    back = page.context.request.get(page.get_attribute("#lessons audio", "src") or "").body()
    assert hashlib.sha256(back).digest() == hashlib.sha256(recording.read_bytes()).digest()


def test_what_is_no_recording_is_refused(people: People, tmp_path: Path) -> None:
    page = people.logged_in(new_person())
    page.fill("[name=title]", "Text")
    page.click("text=Create")
    lie = tmp_path / "lie.wav"
    lie.write_text("This is no sound at all, whatever its name says.")
    page.set_input_files("#lessons input[type=file]", lie)
    expect(page.locator("#problem")).to_contain_text("(media_type_mismatch)")
    big = tmp_path / "big.wav"
    big.write_bytes(b"RIFF" + bytes(11_000_000))
    page.set_input_files("#lessons input[type=file]", big)
    expect(page.locator("#problem")).to_contain_text("(too_large)")


def test_the_31st_lesson_of_an_hour_is_refused(people: People, shot: Shot) -> None:
    page = people.logged_in(new_person())
    for i in range(30):
        assert ask(page, "POST", "/api/lessons", {"title": f"Lesson {i + 1}"})[0] == 201
    page.fill("[name=title]", "One too many")
    page.click("text=Create")
    assert "(rate_limited)" in problem(page)
    assert "Try again in 36" in problem(page) or "Try again in 35" in problem(page)
    shot(page, "4-limited")


def test_one_device_is_signed_out_and_then_all(people: People, shot: Shot) -> None:
    person = new_person()
    here, lost, phone = people.logged_in(person), people.logged_in(person, FIREFOX), people.logged_in(person)
    go(here, "/devices.html")
    assert here.locator("#devices li").count() == 3
    shot(here, "5-devices")
    here.click("#devices li:has-text('Firefox') button")
    assert done(here) == "That device is signed out."
    assert here.locator("#devices li").count() == 2
    assert ask(lost, "GET", "/auth/session")[1]["code"] == "invalid_token"
    assert ask(phone, "GET", "/auth/session")[0] == 200
    here.click("#everywhere")
    assert done(here) == "Signed out everywhere: 2 sessions ended."
    shot(here, "6-signed-out-everywhere")
    assert token(here) is None
    assert ask(here, "GET", "/auth/session")[1]["code"] == "missing_token"
    assert ask(phone, "GET", "/auth/session")[1]["code"] == "invalid_token"
    go(phone, "/")
    assert phone.is_visible("main.signed-out")


def test_all_others_are_signed_out_and_then_this_one(people: People) -> None:
    person = new_person()
    here, other = people.logged_in(person), people.logged_in(person)
    go(here, "/devices.html")
    here.click("#others")
    assert done(here) == "Signed out on 1 other devices."
    assert ask(other, "GET", "/auth/session")[1]["code"] == "invalid_token"
    here.click("#logout")
    assert done(here) == "You are logged out."
    assert token(here) is None


def pay(page: Page) -> None:
    page.fill("[name=last4]", "4242")
    page.fill("[name=reference]", "pm_1NxyzAbCd")
    page.click("#new-method button")


def test_a_payment_method_needs_a_second_factor(people: People, shot: Shot, tmp_path: Path) -> None:
    person = new_person()
    page = people.logged_in(person)
    go(page, "/payment.html")
    pay(page)
    assert "(mfa_enrollment_required)" in problem(page)
    shot(page, "7-second-factor-wanted")

    go(page, "/security.html")
    page.click("#enrol-begin")
    page.wait_for_selector("#qr svg")
    secret, before = page.inner_text("#secret"), token(page)
    shot(page, "8-enrolment")
    code = totp(secret)
    page.fill("#activate [name=code]", code)
    page.click("#activate button")
    assert done(page) == "The second factor is on."
    codes = page.locator("#codes li").all_inner_texts()
    assert len(set(codes)) == 10
    with page.expect_download() as download:
        page.click("#download")
    assert Path(download.value.path()).read_text().split() == codes
    assert token(page) not in (None, before), "the token of the lower session goes on"
    shot(page, "9-enrolled")

    other = people.logged_in(person)            # knows the login alone
    go(other, "/payment.html")
    pay(other)
    other.wait_for_selector("#step-up:visible")
    other.fill("#verify [name=code]", code)
    other.click("#verify button")
    assert "(code_already_used)" in problem(other)
    shot(other, "10-step-up")
    other.fill("#verify [name=code]", totp(secret, 1))
    other.click("#verify button")
    assert done(other) == "The payment method is added."
    assert other.locator("#methods li").all_inner_texts() == ["Visa ending in 4242"]
    shot(other, "11-payment-method")

    third = people.logged_in(person)
    go(third, "/payment.html")
    pay(third)
    third.fill("#verify [name=code]", codes[0].lower())
    third.click("#verify button")
    assert done(third) == "The payment method is added."

    go(page, "/security.html")
    page.fill("#disable [name=code]", codes[1])
    page.click("#disable button")
    assert done(page) == "The second factor is off."
    assert ask(third, "GET", "/auth/session")[1]["aal"] == 1


def test_a_login_that_was_not_begun_here_is_not_taken(people: People) -> None:
    page = people.stranger()
    signed = page.context.request.get("/developer/telegram/sign?id=1234567&first_name=Eve", max_redirects=0)
    go(page, signed.headers["location"])
    assert problem(page) == "This login was not begun here."
    assert token(page) is None


def test_no_page_runs_what_is_not_the_apps_own(people: People) -> None:
    page = people.logged_in(new_person())
    for path in PAGES:
        go(page, path)
        page.evaluate("""() => { const script = document.createElement('script');
            script.textContent = 'window.injected = true'; document.body.append(script); }""")
        assert page.evaluate("window.injected") is None
    assert all("Content Security Policy" in said for said in people.complaints)
    assert len(people.complaints) == len(PAGES)
    people.complaints.clear()
