"""Where a server's counters are is found out, one question a look."""

from onbox.watch.engine_counters import MetricsServer
from tests.doubles.server import ReceivedRequest, Wire, serving

COUNTED = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 2.0\n"


def test_counters_at_another_path_are_found_and_kept_to() -> None:
    def script(request: ReceivedRequest, wire: Wire) -> None:
        wire.whole(200, COUNTED.encode() if request.path == "/prometheus/metrics" else b"[]")

    with serving(script) as server:
        metrics = MetricsServer(server.url)
        looks = [metrics.tokens() for _ in range(3)]
        targets = [request.path for request in server.requests]
    assert [counts and counts.running for counts in looks] == [None, 2.0, 2.0]
    assert targets == ["/metrics", "/prometheus/metrics", "/prometheus/metrics"]


def test_counters_that_come_late_are_found_where_the_other_path_is_missing() -> None:
    """A server may answer without them until its first request, and has nothing at the other path."""

    def script(request: ReceivedRequest, wire: Wire) -> None:
        is_early = len(server.requests) == 1
        if request.path == "/metrics":
            wire.whole(200, b"" if is_early else COUNTED.encode())
        else:
            wire.whole(404, b"")

    with serving(script) as server:
        metrics = MetricsServer(server.url)
        looks = [metrics.tokens() for _ in range(4)]
        targets = [request.path for request in server.requests]
    assert [counts and counts.running for counts in looks] == [None, None, 2.0, 2.0]
    assert targets == ["/metrics", "/prometheus/metrics", "/metrics", "/metrics"]
