"""Both routes measured on the first megabytes of the image that is wanted; no daemon pulls for it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from urllib3.exceptions import HTTPError

from onbox.errors import OnboxError
from onbox.fetch.http import Client, Route, proxy_label
from onbox.image.fetch import FetchOptions, ImageSource, find_source
from onbox.image.reference import Reference

PROBE_BYTES = 8 << 20
PROBE_S = 8.0
READ_BYTES = 64 << 10


@dataclass(frozen=True)
class RouteTime:
    """One route."""

    route: str
    """`direct`, or the proxy."""
    bytes: int
    seconds: float
    bytes_s: float | None
    """None where nothing came."""
    problem: str = ""
    whole_image_s: float | None = None
    """At this rate, by one connection."""


def compare(reference: Reference, routes: Iterable[Route], options: FetchOptions) -> tuple[RouteTime, ...]:
    """Fetch the beginning of the largest layer by each route, for some seconds at most; nothing is kept."""
    return tuple(_measure(reference, route, options) for route in routes)


def _measure(reference: Reference, route: Route, options: FetchOptions) -> RouteTime:
    name = proxy_label(route.proxy_for(f"https://{reference.api_host}/")) or "direct"
    try:
        source = find_source(reference, replace(options, route=route, stall_s=PROBE_S))
    except OnboxError as error:
        return RouteTime(name, 0, 0.0, None, error.message)
    try:
        return _probe(source, name)
    except (OnboxError, HTTPError, OSError) as error:
        return RouteTime(name, 0, 0.0, None, getattr(error, "message", None) or str(error) or type(error).__name__)
    finally:
        _close(source.client)


def _probe(source: ImageSource, name: str) -> RouteTime:
    largest = max(source.image.layers, key=lambda each: each.size_bytes)
    response = source.registry.open_blob(largest.digest)
    try:
        if response.status != 200:
            return RouteTime(name, 0, 0.0, None, f"status {response.status}")
        began, got = time.monotonic(), 0
        while got < PROBE_BYTES and time.monotonic() - began < PROBE_S and (chunk := response.read1(READ_BYTES)):
            got += len(chunk)
        seconds = time.monotonic() - began
    finally:
        response.close()
    rate = got / seconds if got and seconds > 0 else None
    return RouteTime(name, got, round(seconds, 3), rate, "", source.image.size_bytes / rate if rate else None)


def _close(client: Client) -> None:
    client.close()
