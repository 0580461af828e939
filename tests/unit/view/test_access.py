"""Who gets a page: a browser on this box that was given the token, by GET."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.atomic_files import write_json
from onbox.view.server import ViewServer
from tests.builders import build_trial
from tests.unit.view.serving import Client, served
from tests.verdicts import build_verdict


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    top = tmp_path_factory.mktemp("view")
    write_json(build_trial(top / "one").path / "verdict.json", build_verdict())
    with served(top) as found:
        yield found


def test_the_token_moves_into_a_cookie_that_no_script_reads(client: Client) -> None:
    answer = client.open()
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    assert re.fullmatch(
        r"onbox-view-[0-9a-f]{8}=[\w-]{32}; HttpOnly; Path=/; SameSite=strict", answer.headers["set-cookie"]
    )
    assert client.get("/").status == 200
    assert client.url.partition("token=")[2] not in client.get("/").text


def test_the_page_that_was_asked_for_is_kept_beside_the_token(client: Client) -> None:
    token = client.url.partition("token=")[2]
    answer = client.ask(f"/trial?at=one&token={token}", cookie="")
    assert answer.headers["location"] == "/trial?at=one"
    assert client.ask(f"//evil.example/x?token={token}").headers["location"].startswith("/evil.example")


@pytest.mark.parametrize("cookie", ["", "onbox-view-00000000=x", "a=b; ;;=", "x" * 5000, '"\\', "onbox-view-é=1"])
@pytest.mark.parametrize("path", ["/", "/trial?at=one", "/files/one/plan.yaml", "/live?at=one", "/static/view.js"])
def test_nobody_gets_anything_without_it(client: Client, path: str, cookie: str) -> None:
    answer = client.ask(path, cookie=cookie or "none=1")
    assert answer.status == 403
    assert b"small" not in answer.body


@pytest.mark.parametrize("token", ["", "wrong", "%00", "%ff%fe", "a&token=b"])
def test_a_wrong_token_is_refused(client: Client, token: str) -> None:
    assert client.ask(f"/?token={token}").status == 403


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"])
def test_get_is_all_that_is_answered(client: Client, method: str) -> None:
    answer = client.ask("/", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2", "0.0.0.0",
     "[::2]:1", "127.0.0.1:99999999", "127.0.0.1@evil.example", "user@127.0.0.1"],
)  # fmt: skip
def test_a_host_that_is_not_loopback_is_refused(client: Client, host: str) -> None:
    assert client.ask("/", headers={"Host": host}).status in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:8123", "[::1]:8123", "127.0.0.1"])
def test_loopback_by_any_name_and_through_a_forwarded_port(client: Client, host: str) -> None:
    assert client.ask("/", headers={"Host": host.format(client.port)}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{}", "http://127.0.0.1:1"])
def test_another_origin_is_refused(client: Client, origin: str) -> None:
    assert client.ask("/", headers={"Origin": origin.format(client.port)}).status == 403
    assert client.ask("/", headers={"Origin": f"http://127.0.0.1:{client.port}"}).status == 200


@pytest.mark.parametrize(("site", "mode", "status"), [
    ("cross-site", "no-cors", 403), ("cross-site", "cors", 403), ("same-site", "no-cors", 403),
    ("cross-site", "navigate", 200), ("none", "navigate", 200), ("same-origin", "no-cors", 200),
])  # fmt: skip
def test_what_another_page_loads_is_refused(client: Client, site: str, mode: str, status: int) -> None:
    assert client.ask("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}).status == status


@pytest.mark.parametrize(
    "path", ["/", "/trial?at=one", "/trial?at=nothing", "/nothing", "/static/view.js", "/?token=x"]
)
def test_every_answer_carries_the_policy(client: Client, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_an_address_beyond_all_bounds_is_refused(client: Client) -> None:
    assert client.get("/?q=" + "x" * 9000).status == 414
    assert client.get("/?" + "&".join("a=b" for _ in range(200))).status == 400


def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    server = ViewServer(tmp_path)
    try:
        assert server._socket.getsockname()[0] == "127.0.0.1"
        assert server.url.startswith(f"http://127.0.0.1:{server.port}/?token=")
    finally:
        server._socket.close()
