"""Who may ask: a browser on this box that was given the token, by GET, for a page of this server.

Other users of the box, and other pages in the same browser, can reach a port on loopback too. A page elsewhere whose
name resolves to 127.0.0.1 is kept out by `Host`, one that sends requests across by `Origin` and the browser's own
word, and everybody without the token by the token.
"""

import hmac
import re
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
TARGET_BYTES_MAX = 8192
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
"""Of every response; a response's own policy and caching stand."""


class Access:
    """Lets through what may ask, and gives every response its headers.

    Args:
        app: what answers.
        token: what the URL, or the cookie that it left, must carry.
        cookie: the cookie's name; cookies of one host are shared by all its ports.
    """

    def __init__(self, app: ASGIApp, token: str, cookie: str) -> None:
        self._app = app
        self._token = token
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no websocket, and nothing to do at the start
        response = self._answer(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (response or self._app)(scope, receive, with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """What is answered in the place of the app; None: the app answers."""
        if refusal := _refusal(scope):
            return refusal
        query = scope["query_string"].decode("latin-1")
        try:
            fields = parse_qsl(query, keep_blank_values=True, errors="surrogateescape", max_num_fields=64)
        except ValueError:
            return PlainTextResponse("too many fields in the address\n", 400)
        tokens = [value for name, value in fields if name == "token"]
        if tokens:
            if len(tokens) > 1 or not self._is_token(tokens[0]):
                return PlainTextResponse(
                    "this token belongs to another server; use the address that this one printed\n", 403
                )
            return self._redirect(scope, [field for field in fields if field[0] != "token"])
        if not self._is_token(_cookie(Headers(scope=scope).get("cookie", ""), self._cookie)):
            return PlainTextResponse("open the address that onbox view printed, including its token\n", 403)
        return None

    def _redirect(self, scope: Scope, fields: list[tuple[str, str]]) -> Response:
        """To the same page, the token out of sight: it is in a cookie that no script can read."""
        query = urlencode(fields, errors="surrogateescape")
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/")  # `//host` would lead elsewhere
        response = RedirectResponse(path + (f"?{query}" if query else ""), 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return response

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token.encode())


def _refusal(scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    if scope["method"] != "GET":
        return PlainTextResponse("GET only\n", 405, {"allow": "GET"})
    if len(scope["raw_path"]) + len(scope["query_string"]) > TARGET_BYTES_MAX:
        return PlainTextResponse("the address is too long\n", 414)
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
        return PlainTextResponse("this server answers only on loopback\n", 403)
    if any(origin.lower() != f"http://{hosts[0]}".lower() for origin in origins):
        return PlainTextResponse("requested from another page\n", 403)
    site, mode = headers.get("sec-fetch-site", "same-origin"), headers.get("sec-fetch-mode", "navigate")
    if site not in ("same-origin", "none") and mode != "navigate":
        return PlainTextResponse("requested from another page\n", 403)
    return None


def _cookie(header: str, name: str) -> str:
    try:
        found: Any = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return "" if found is None else str(found.value)
