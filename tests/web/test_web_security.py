"""Each line of defence, attacked: who may ask, what may be changed, and what never reaches the file system."""

from __future__ import annotations

import re
import socket
from hashlib import sha256
from pathlib import Path

import pytest
from serving_runs import Served

from leadline.errors import LeadlineError
from leadline.runs.store import RunStore
from leadline.web.serving import HOST, LocalServer

ROOT = Path(__file__).resolve().parents[2]
REVIEWS = ("/runs/digits-a/mistakes", "/runs/digits-a/mistakes/state", "/runs/digits-a/labels", "/searches")
PAGES = (
    *("/", "/gallery", "/runs/digits-a", "/runs/digits-a/curves", "/events", "/compare?run=digits-a&run=fruit"),
    *REVIEWS,
)
CHANGE = "/tags"


def test_it_listens_on_this_machine_only(served: Served) -> None:
    assert served.server.socket.getsockname()[0] == HOST == "127.0.0.1"
    assert served.server.socket.family == socket.AF_INET


def test_a_taken_port_is_one_line(served: Served) -> None:
    with pytest.raises(LeadlineError, match=f"Port {served.server.port} cannot be used: Address already in use"):
        LocalServer(RunStore(served.root), served.server.port)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:{port}", "localhost:1", ""])
def test_another_host_is_refused(served: Served, host: str) -> None:
    """DNS rebinding: the browser believes that evil.example lives here."""
    wrong = {"Host": host.format(port=served.server.port), "Cookie": served.cookie}
    answer = served.ask("GET", "/", wrong)
    assert answer.status in (400, 421) and "digits" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_its_own_names_are_answered(served: Served, host: str) -> None:
    assert served.get("/", Host=f"{host}:{served.server.port}").status == 200


@pytest.mark.parametrize("path", PAGES)
def test_without_the_cookie_there_is_no_page(served: Served, path: str) -> None:
    for cookie in ("", "leadline_1=x", f"leadline_{served.server.port}=", f"leadline_{served.server.port}={'0' * 64}"):
        answer = served.ask("GET", path, {"Cookie": cookie})
        assert answer.status == 403 and "digits" not in answer.text


def test_the_token_is_exchanged_for_a_strict_cookie(served: Served) -> None:
    answer = served.ask("GET", f"/runs/fruit?b=2&token={served.server.secrets.token}&a=1", {})
    assert answer.status == 200
    assert 'content="0;url=/runs/fruit?b=2&amp;a=1"' in answer.text
    assert served.server.secrets.token not in answer.text
    name, *rest = answer.headers["set-cookie"].split("; ")
    assert name == served.cookie and {"HttpOnly", "SameSite=strict", "Path=/"} <= set(rest)
    assert answer.headers["cache-control"] == "no-store"


def test_a_wrong_token_is_refused_even_with_the_cookie(served: Served) -> None:
    for token in ("", "x", served.server.secrets.token[:-1]):
        answer = served.get(f"/?token={token}")
        assert answer.status in (200, 403) and "set-cookie" not in answer.headers
    assert served.get("/?token=x").status == 403


@pytest.mark.parametrize("start", ["//", "/\\", "/\\/", "///"])
def test_the_exchange_leads_nowhere_else(served: Served, start: str) -> None:
    answer = served.ask("GET", f"{start}evil.example/?token={served.server.secrets.token}", {})
    assert 'url=/evil.example/"' in answer.text


def test_a_change_needs_the_pages_secret(served: Served) -> None:
    for secret in ("", "x", served.server.secrets.session, served.server.secrets.token):
        assert served.post(CHANGE, {"tag": "mine"}, **{"X-CSRF-Token": secret}).status == 403
    assert served.get("/").text.count(served.server.secrets.csrf) > 0


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", ""])
def test_a_change_from_another_origin_is_refused(served: Served, origin: str) -> None:
    assert served.post(CHANGE, {"tag": "mine"}, Origin=origin).status == 403
    assert served.get("/", Origin=origin).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_not_embed_anything(served: Served, site: str) -> None:
    """Another port of this host is the same site: its pages send our cookie."""
    image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert served.get("/", **image).status == served.get("/", **frame).status == 403
    opened = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert served.get("/", **opened).status == 200
    assert served.post(CHANGE, {"tag": "mine"}, **{"Sec-Fetch-Site": site}).status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(served: Served, method: str) -> None:
    assert served.ask(method, "/", {"Cookie": served.cookie}).status == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_nothing_describes_the_interface(served: Served, path: str) -> None:
    assert served.get(path).status == 404


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../runs/fruit",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%2fruns%2ffruit",
        "%252e%252e%252ffruit",
        "..\\fruit",
        ".",
        "%00",
        "fruit%00",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "leadline.db",
        "fruit/run.json",
        "fruit%2frun.json",
        "frui",
        "FRUIT",
        "last",
        "a" * 5000,
    ],
)
def test_no_path_from_the_client_reaches_the_file_system(served: Served, name: str) -> None:
    """A name that is not in the index is not looked for anywhere else."""
    answer = served.get(f"/runs/{name}")
    assert answer.status == 404 and "root:" not in answer.text
    assert served.get(f"/static/{name}/leadline.css").status == 404
    assert served.get(f"/static/0000000000000000/{name}").status == 404


@pytest.mark.parametrize("path", [*(path for path in PAGES if path != "/events"), "/nothing-here", "/static/0/x.js"])
def test_every_answer_carries_the_headers(served: Served, path: str) -> None:
    for answer in (served.get(path), served.ask("GET", path, {})):
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
        assert "unsafe" not in " ".join(policy) and "http" not in " ".join(policy) and "*" not in " ".join(policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


def test_assets_are_kept_for_good_and_named_by_their_content(served: Served) -> None:
    page = served.get("/").text
    for name in ("application.js", "leadline.css", "htmx.min.js"):
        [path] = re.findall(rf'="(/static/[0-9a-f]+/{re.escape(name)})"', page)
        answer = served.get(path)
        assert answer.status == 200 and "immutable" in answer.headers["cache-control"]
        again = served.get(path, **{"If-None-Match": answer.headers["etag"]})
        assert again.status == 304 and again.text == ""


def test_a_form_may_not_be_endless(own: Served) -> None:
    assert own.post(CHANGE, {"tag": "x" * (1 << 20)}).status == 413


def test_a_fault_is_one_line_with_all_headers(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("leadline.web.pages.runs.list_runs", broken)
    answer = own.get("/")
    assert answer.status == 500 and "planted" not in answer.text and len(answer.text.splitlines()) == 1
    assert answer.headers["content-security-policy"] and answer.headers["x-content-type-options"] == "nosniff"


def test_htmx_is_the_one_that_was_vendored() -> None:
    """Its checksum is on record, and nobody has changed a byte."""
    script = (ROOT / "src/leadline/web/static/htmx.min.js").read_bytes()
    record = (ROOT / "docs/decisions/0015-application.md").read_text()
    assert sha256(script).hexdigest() in record and b'version:"2.0.11"' in script
