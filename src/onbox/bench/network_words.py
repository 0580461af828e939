"""What a script says when the network is not there: which of its commands missed it, and which host that asked for.

Each sign is a line that the program itself prints; sources: curl `lib/hostip.c`, wget `src/host.c`, busybox
`libbb/xconnect.c`, APT `methods/connect.cc`, git `http.c` (by curl), pip and urllib3 `connection.py`, uv and reqwest,
npm (Node's `dns`), Go `net/dnsclient.go`, cargo (by curl), glibc `gai_strerror`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)"
_SIGNS = [
    (command, re.compile(pattern))
    for command, pattern in (
        ("curl", rf"^\s*curl: \(\d+\) (?:Could not resolve (?:host|proxy)|Failed to connect to):? ?{_HOST}"),
        ("wget", rf"wget: unable to resolve host address [‘'\"]?{_HOST}"),
        ("wget", rf"wget: bad address '{_HOST}"),
        ("wget", rf"^Connecting to {_HOST}.*failed: (?:Network is unreachable|Temporary failure)"),
        ("apt-get", rf"(?:Temporary failure|Could not|Something wicked happened) resolv(?:e|ing) '{_HOST}"),
        ("git", rf"unable to access '\w+://(?:[^/@']*@)?{_HOST}"),
        ("git", rf"ssh: Could not resolve hostname {_HOST}"),
        ("pip", rf"HTTPS?ConnectionPool\(host='{_HOST}'.*(?:NameResolutionError|Failed to establish a new connection)"),
        ("pip", r"pip\._vendor\.urllib3.*Failed to resolve '(?P<host>[\w.-]+)"),
        ("pip", r"pip\._vendor\.urllib3.*Failed to establish a new connection"),
        ("uv", rf"(?:Failed to fetch|error sending request for url)[: (`]+\w+://{_HOST}"),
        ("npm", rf"(?:npm|pnpm|yarn).*getaddrinfo (?:EAI_AGAIN|ENOTFOUND) {_HOST}"),
        ("npm", rf"(?:npm|pnpm|yarn).*request to \w+://{_HOST}\S* failed"),
        ("go", rf"dial tcp: lookup {_HOST}"),
        ("cargo", rf"(?:spurious network error|download of|failed to (?:fetch|download)).*(?:\w+://){_HOST}"),
        ("gem", rf"(?:Could not reach host|Failed to open TCP connection to|getaddrinfo:.*\() ?{_HOST}"),
        ("", rf"getaddrinfo (?:EAI_AGAIN|ENOTFOUND) {_HOST}"),
        ("", rf"(?:[Cc]ould not|[Ff]ailed to|[Cc]annot) resolve (?:host(?:name)?|address for|')[ :']*{_HOST}"),
        ("", r"Temporary failure in name resolution|Name or service not known|Network is unreachable|\bENETUNREACH\b"),
    )
]  # fmt: skip
_LOCAL = re.compile(r"^(?:localhost|127\.[\d.]+|0\.0\.0\.0|sandbox|\S+\.localhost)$")
_COMMANDS = re.compile(
    r"(?:^|[\s;&|(`])("
    r"(?:apt-get|apt|apk|dnf|yum) +(?:-\S+ +)*(?:install|update|add|upgrade)"
    r"|(?:python3? -m )?pip3? +install|uvx?\b(?: +(?:pip|run|sync|add|tool|venv))*"
    r"|(?:npm|pnpm|yarn) +(?:install|ci|i|add)|npx\b|curl\b|wget\b|git +clone"
    r"|cargo +(?:install|fetch)|go +(?:get|install|mod)|gem +install|bundle +install|conda +install)"
)
_URL = re.compile(r"\w+://(?:[^/@\s'\"]*@)?([A-Za-z0-9][A-Za-z0-9.-]*)")
LINES_MAX = 20_000


@dataclass(frozen=True)
class NetworkNeed:
    """What a script missed.

    Args:
        script: of the task: `tests/test.sh` or `solution/solve.sh`.
        commands: those that missed the network, or for want of their words those of the script that would.
        hosts: that they asked for.
        observed: whether a command reported it; otherwise its script alone shows it.
    """

    script: str
    commands: tuple[str, ...]
    hosts: tuple[str, ...]
    observed: bool

    def __str__(self) -> str:
        commands = ", ".join(self.commands) or "a command that it does not name"
        hosts = ", ".join(self.hosts) or "a host that it does not name"
        if self.observed:
            return f"{self.script} needs the network: tried without, {commands} could not reach {hosts}"
        where = f" ({hosts})" if self.hosts else ""
        return f"{self.script} does not come to its end without the network, and runs {commands}{where}"


def need_by_output(script: str, text: str, output: str) -> NetworkNeed | None:
    """What a script missed, by what was printed while it ran without a network; None where nothing says so.

    Args:
        script: its name, for the words.
        text: of the script.
        output: what it and its commands printed.
    """
    found = list(_signs(output))
    if not found:
        return None
    commands = tuple(dict.fromkeys(command or _command_of(host, text) for command, host in found))
    hosts = tuple(dict.fromkeys(host for _, host in found if host))
    return NetworkNeed(script, tuple(filter(None, commands)) or _used(text), hosts, observed=True)


def need_by_script(script: str, text: str) -> NetworkNeed | None:
    """What a script that failed without a network would want of one, by its own lines; None where it wants nothing."""
    commands = tuple(dict.fromkeys(name for line in _lines(text) for name in _used(line) if _away(name, line)))
    return NetworkNeed(script, commands, tuple(dict.fromkeys(_hosts(text))), observed=False) if commands else None


def _away(command: str, line: str) -> bool:
    """Whether a command of a script leaves the box: one that is given its address may as well ask a server here."""
    return command not in ("curl", "wget", "git clone") or bool(list(_hosts(line)))


def _signs(output: str) -> Iterator[tuple[str, str]]:
    for line in output.splitlines()[-LINES_MAX:]:
        for command, pattern in _SIGNS:
            if match := pattern.search(line[:2000]):
                host = (match.groupdict().get("host") or "").rstrip(".")
                if not _LOCAL.match(host):
                    yield command, host
                break


def _command_of(host: str, text: str) -> str:
    """The command of the line of a script that names a host."""
    line = next((line for line in _lines(text) if host and host in line), "")
    return next(iter(_used(line)), "")


def _used(text: str) -> tuple[str, ...]:
    found = (" ".join(match[1].split()) for line in _lines(text) for match in _COMMANDS.finditer(line))
    return tuple(dict.fromkeys(found))


def _hosts(text: str) -> Iterator[str]:
    for line in _lines(text):
        yield from (host for host in _URL.findall(line) if not _LOCAL.match(host))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")][:LINES_MAX]
