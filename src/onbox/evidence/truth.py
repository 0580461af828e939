"""What is known beforehand of a server that is measured to test the measurement."""

from onbox.evidence.records import Record


class Truth(Record):
    """`truth.json`, beside the `speed` folder of one shape of `onbox selftest`."""

    name: str
    says: str
    """What is odd about the shape."""
    tok_s: float
    """The rate at which the server decodes."""
    expected_status: str
    """`valid`, `suspect` or `invalid`."""
    expected_checks: tuple[str, ...]
    """The checks that must refuse it, or doubt it, and no other."""
