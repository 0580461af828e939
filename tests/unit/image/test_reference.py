"""Names of images."""

import pytest

from onbox.errors import UsageError
from onbox.image.reference import parse


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag"),
    [
        ("ubuntu", "docker.io", "library/ubuntu", "latest"),
        ("ubuntu:24.04", "docker.io", "library/ubuntu", "24.04"),
        ("org/name", "docker.io", "org/name", "latest"),
        ("docker.io/ubuntu", "docker.io", "library/ubuntu", "latest"),
        ("ghcr.io/org/name:v1", "ghcr.io", "org/name", "v1"),
        ("localhost/name", "localhost", "name", "latest"),
        ("localhost:5000/name:1", "localhost:5000", "name", "1"),
        ("docker://nvcr.io/nvidia/pytorch:26.01-py3", "nvcr.io", "nvidia/pytorch", "26.01-py3"),
        ("[::1]:5000/a/b", "[::1]:5000", "a/b", "latest"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, host: str, repository: str, tag: str) -> None:
    read = parse(text)
    assert (read.host, read.repository, read.tag) == (host, repository, tag)


@pytest.mark.parametrize(
    "text", ["", "some/UPPER", "a b", "a:", "a@sha256:12", "x.io/../etc", "a:t@md5:00", "-a", "a//b"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_digest_gets_a_tag_to_be_loaded_by() -> None:
    read = parse(f"ghcr.io/a/b@sha256:{'ab' * 32}")
    assert read.local_name == "ghcr.io/a/b:sha256-abababababababab"
    assert parse(f"a/b:v1@sha256:{'ab' * 32}").local_name == "a/b:v1"
