"""What is said where of a daemon's proxy, each place read as its own program reads it."""

import json
import socket
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from onbox.image import routes
from onbox.image.daemon import Daemon
from onbox.image.reference import parse
from onbox.image.routes import DaemonRoute, Setting, bypasses, find_route


class ToldDaemon:
    """A daemon as `docker info` shows it."""

    program = "docker"

    def __init__(self, version: str = "27.0.1", **info: str) -> None:
        self.version = version
        self.major = int(version.partition(".")[0])
        self.info = info


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every place, empty, below one folder."""
    for name in routes.VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    etc, lib = tmp_path / "etc", tmp_path / "lib"
    for folder in (etc, lib):
        folder.mkdir()
    monkeypatch.setattr(routes, "DAEMON_JSON", tmp_path / "daemon.json")
    monkeypatch.setattr(routes, "UNITS", (str(tmp_path / "docker.service"),))
    monkeypatch.setattr(routes, "DROP_INS", (str(etc), str(lib)))
    monkeypatch.setattr(routes, "_speaks_socks", lambda port: False)
    monkeypatch.setattr(routes, "daemon_behind", lambda socket: None)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def route_of(daemon: ToldDaemon) -> DaemonRoute:
    return find_route(cast("Daemon", daemon))


def said_in(found: DaemonRoute, where: str) -> list[Setting]:
    return [each for each in found.settings if each.where.endswith(where)]


def test_nothing_said_is_direct(places: Path) -> None:
    found = route_of(ToldDaemon())
    assert (found.kind, found.settings, found.proxy_for(parse("ubuntu"))) == ("direct", (), "")


def test_what_docker_says_of_itself_decides_and_hides_the_password(places: Path) -> None:
    found = route_of(ToldDaemon(HttpsProxy="http://me:secret@10.0.0.1:8118", NoProxy="quay.io,.corp"))
    assert found.kind == "http"
    assert found.proxy_for(parse("ubuntu")) == "http://me:secret@10.0.0.1:8118"
    assert found.proxy_for(parse("quay.io/a/b")) == ""
    assert "secret" not in json.dumps(found.as_dict())
    assert {each.variable for each in found.settings if each.decides} == {"HTTPS_PROXY", "NO_PROXY"}


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [("socks5://127.0.0.1:9050", "tor"), ("127.0.0.1:9150", "tor"), ("socks5h://10.0.0.1:1080", "socks"),
     ("proxy.corp:3128", "http")],
)  # fmt: skip
def test_kinds(places: Path, proxy: str, kind: str) -> None:
    assert route_of(ToldDaemon(HttpsProxy=proxy)).kind == kind


def test_daemon_json_is_of_23_and_later(places: Path) -> None:
    (places / "daemon.json").write_text(json.dumps({"proxies": {"https-proxy": "http://10.0.0.1:1"}}))
    (new,) = said_in(route_of(ToldDaemon()), "daemon.json")
    assert (new.variable, new.value, new.note) == ("HTTPS_PROXY", "http://10.0.0.1:1", "")
    (old,) = said_in(route_of(ToldDaemon("20.10.24")), "daemon.json")
    assert "does not start with it" in old.note


@pytest.mark.parametrize(
    "text", ["", "[]", '"x"', '{"proxies": []}', '{"proxies": {"https-proxy": null}}', "{", "\xff"]
)
def test_files_that_say_nothing_are_passed_over(places: Path, text: str) -> None:
    for name in ("daemon.json", "config.json"):
        (places / name).write_bytes(text.encode("latin-1"))
    assert route_of(ToldDaemon()).settings == ()


def test_units_and_drop_ins_are_read_as_systemd_does(places: Path) -> None:
    (places / "docker.service").write_text("[Service]\nExecStart=/usr/bin/dockerd\nEnvironment=HTTP_PROXY=http://a:1\n")
    (places / "etc" / "10-proxy.conf").write_text(
        "[Service]\nEnvironment=\"HTTPS_PROXY=http://b:2\" \\\n  'NO_PROXY=x.y,localhost' OTHER=1\n"
        f"EnvironmentFile=-{places / 'more.env'}\n"
    )
    (places / "more.env").write_text('# a comment\nall_proxy="socks5://c:3"\n')
    # Hidden by the one of the same name above.
    (places / "lib" / "10-proxy.conf").write_text("[Service]\nEnvironment=HTTPS_PROXY=http://wrong:9\n")
    found = route_of(ToldDaemon())
    assert {(each.variable, each.value) for each in found.settings} == {
        ("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", "http://b:2"), ("NO_PROXY", "x.y,localhost"),
        ("ALL_PROXY", "socks5://c:3"),
    }  # fmt: skip
    assert all(each.decides and "next start" in each.note for each in found.settings)
    # A unit is what the daemon will start with, and not what it runs with.
    assert found.kind == "direct"


def test_the_clients_own_settings_decide_nothing(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (places / "config.json").write_text(json.dumps({"proxies": {"default": {"httpsProxy": "http://d:4"}}}))
    monkeypatch.setenv("https_proxy", "http://shell:5")
    found = route_of(ToldDaemon())
    assert {(each.value, each.decides) for each in found.settings} == {("http://d:4", False), ("http://shell:5", False)}
    assert found.kind == "direct"


@pytest.mark.parametrize(
    ("host", "no_proxy", "goes_by"),
    [
        ("quay.io", "quay.io", True), ("cdn.quay.io", "quay.io", True), ("notquay.io", "quay.io", False),
        ("quay.io", ".quay.io", False), ("cdn.quay.io", ".quay.io", True), ("quay.io:5000", "quay.io:443", False),
        ("quay.io:443", "quay.io:443", True), ("10.1.2.3:5000", "10.0.0.0/8", True), ("11.1.2.3", "10.0.0.0/8", False),
        ("anything", "*", True), ("localhost:5000", "", True), ("127.0.0.1:5000", "", True), ("[::1]:5000", "", True),
        ("quay.io", " , QUAY.IO ,", True),
    ],
)  # fmt: skip
def test_no_proxy_as_go_reads_it(host: str, no_proxy: str, goes_by: bool) -> None:
    assert bypasses(host, no_proxy) is goes_by


def test_a_port_of_tor_counts_where_a_socks_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tor, socket.create_server(("127.0.0.1", 0)) as other:

        def answer(server: socket.socket, message: bytes) -> None:
            connection: Any = server.accept()[0]
            with connection:
                connection.recv(3)
                connection.sendall(message)

        for server, message in ((tor, b"\x05\x00"), (other, b"HT")):
            threading.Thread(target=answer, args=(server, message), daemon=True).start()
        ports = {tor.getsockname()[1]: "tor", other.getsockname()[1]: "no tor"}
        monkeypatch.setattr(routes, "TOR_PORTS", ports)
        assert list(routes._tor_ports().values()) == ["tor"]
