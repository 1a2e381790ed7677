"""What another page may make a logged-in person's browser do: nothing."""
from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from people import People, ask, new_person, token

PAGE = """<!doctype html><title>A forger</title>
<form method="post" action="{app}/auth/logout"><button id="logout">Win a prize</button></form>
<form method="post" action="{app}/api/lessons" enctype="text/plain">
<input name='{{"title": "forged", "x": "' value='"}}'><button id="create">Win another</button></form>
"""
READ = """async (url) => {
    try { return (await fetch(url, {credentials: 'include'})).status; } catch { return 'kept from it'; }
}"""


@pytest.fixture
def forger(address: str) -> Iterator[int]:
    """The port of somebody else's page."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.format(app=address).encode())

        def log_message(self, *_: object) -> None:
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


# Another port is another origin but the same site: the cookie goes along, and only the app's own check is left.
@pytest.mark.parametrize(("host", "cookie_goes_along"), [("localhost", False), ("127.0.0.1", True)])
def test_a_forged_post_is_refused(people: People, forger: int, host: str, cookie_goes_along: bool) -> None:
    page = people.logged_in(new_person())
    for button in ("#logout", "#create"):
        page.goto(f"http://{host}:{forger}/")
        with page.expect_navigation() as navigation:
            page.click(button)
        answer = navigation.value
        assert answer is not None
        assert answer.status == 403
        assert answer.json()["code"] == "cross_site"
        sent = answer.request.all_headers()
        assert ("cookie" in sent) is cookie_goes_along
    assert token(page) is not None
    page.goto("/")
    assert ask(page, "GET", "/api/lessons") == (200, {"lessons": []})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_forging_script_gets_no_answer_to_read(people: People, forger: int, host: str) -> None:
    page = people.logged_in(new_person())
    page.goto(f"http://{host}:{forger}/")
    assert page.evaluate(READ, page.context.request.get("/").url + "auth/session") == "kept from it"
    assert all("CORS" in said for said in people.complaints)
    people.complaints.clear()
