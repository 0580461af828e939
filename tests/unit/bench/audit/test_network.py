"""A gate that needs the network is found before anything runs, with the command and the host that it missed."""

from pathlib import Path

import pytest

from onbox.bench.network_words import need_by_output, need_by_script


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("output", "command", "host"),
    [
        ("curl: (6) Could not resolve host: astral.sh", "curl", "astral.sh"),
        ("curl: (7) Failed to connect to 10.1.2.3 port 443 after 0 ms: Couldn't connect", "curl", "10.1.2.3"),
        ("wget: unable to resolve host address ‘example.org’", "wget", "example.org"),
        ("wget: bad address 'example.org'", "wget", "example.org"),
        (
            "W: Failed to fetch http://a.b/x  Temporary failure resolving 'deb.example.org'",
            "apt-get",
            "deb.example.org",
        ),
        (
            "fatal: unable to access 'https://me@git.example.org/a.git/': Could not resolve host",
            "git",
            "git.example.org",
        ),
        ("ssh: Could not resolve hostname git.example.org: Temporary failure", "git", "git.example.org"),
        (
            "WARNING: Retrying ... HTTPSConnectionPool(host='pypi.example.org', port=443): Failed to establish a new "
            "connection",
            "pip",
            "pypi.example.org",
        ),
        ("error: Failed to fetch: `https://pypi.example.org/simple/pytest/`", "uv", "pypi.example.org"),
        ("  error sending request for url (https://pypi.example.org/simple/x/)", "uv", "pypi.example.org"),
        ("npm error errno EAI_AGAIN request to https://npm.example.org/x failed", "npm", "npm.example.org"),
        ("npm ERR! getaddrinfo ENOTFOUND npm.example.org", "npm", "npm.example.org"),
        ("go: x@v1: dial tcp: lookup proxy.example.org: no such host", "go", "proxy.example.org"),
        ("Error: getaddrinfo EAI_AGAIN api.example.org", "", "api.example.org"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "", ""),
        ("OSError: [Errno 101] Network is unreachable", "", ""),
    ],
)
def test_what_a_command_says_without_a_network(output: str, command: str, host: str) -> None:
    need = need_by_output("tests/test.sh", "", f"before\n{output}\nafter\n")
    assert need is not None
    assert need.observed
    assert need.commands == ((command,) if command else ())
    assert need.hosts == ((host,) if host else ())
    assert "tried without" in str(need)
    assert "\n" not in str(need)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "AssertionError: expected 1, got 0",
        "curl: (7) Failed to connect to localhost port 8080 after 0 ms",
        "curl: (7) Failed to connect to 127.0.0.1 port 8080: Connection refused",
        "curl: (22) The requested URL returned error: 404",
        "could not resolve the conflict",
    ],
)
def test_what_has_nothing_to_do_with_it(output: str) -> None:
    assert need_by_output("tests/test.sh", "curl -s localhost:8080\n", output) is None


def test_a_command_that_hides_its_words_is_reported_by_its_line() -> None:
    text = "#!/bin/bash\n# curl https://commented.org\nuv pip install x\nfetch https://api.example.org/x\n"
    need = need_by_output("tests/test.sh", text, "Error: getaddrinfo EAI_AGAIN api.example.org")
    assert need is not None
    assert need.commands == ("uv pip",)
    alone = need_by_script("tests/test.sh", "curl -s https://astral.sh/install.sh | sh\nsource ~/.bashrc\nuvx pytest\n")
    assert alone is not None
    assert (alone.commands, alone.hosts, alone.observed) == (("curl", "uvx"), ("astral.sh",), False)
    assert need_by_script("tests/test.sh", "curl -s http://localhost:8000/x\npytest\ngit status\n") is None
    assert need_by_script("tests/test.sh", "apt-get -y install gcc\n") is not None
