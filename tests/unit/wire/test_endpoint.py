"""The address of a server, as it is read."""

import pytest

from onbox.errors import UsageError
from onbox.wire.endpoint import Endpoint


class TestEndpoint:
    @pytest.mark.parametrize(
        ("url", "root", "api"),
        [
            ("http://box:8080", "http://box:8080", "http://box:8080/v1"),
            ("http://box:8080/v1/", "http://box:8080", "http://box:8080/v1"),
            ("https://box/openai/v1", "https://box:443/openai", "https://box:443/openai/v1"),
            ("http://[::1]:9/v1", "http://[::1]:9", "http://[::1]:9/v1"),
        ],
    )
    def test_reads_a_url(self, url: str, root: str, api: str) -> None:
        endpoint = Endpoint.parse(url)
        assert (endpoint.root, endpoint.api, str(endpoint)) == (root, api, api)

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "",
                "box:8080",
                "ftp://box",
                "http://",
                "http://box:port",
                "http://[::1",
                "http://a..b",
                "http://box/a b",
            ),
            *("http://box/é", "http://me:secret@box", "http://box/v1?key=1", f"http://{'x' * 64}.org"),
        ],
    )
    def test_refuses_what_it_cannot_ask(self, url: str) -> None:
        with pytest.raises(UsageError):
            Endpoint.parse(url)
