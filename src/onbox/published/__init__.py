"""Rates that others published, as they come with onbox."""

from importlib import resources

from onbox.evidence.claims import Claims
from onbox.evidence.claims_file import parse_claims


def published() -> Claims:
    """All of them; none was measured by onbox."""
    return parse_claims(resources.files(__name__).joinpath("rates.yaml").read_text("utf-8"), "rates.yaml")
