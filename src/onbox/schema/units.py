"""Memory as people read it, one way in every room: reserves, plans and what weights hold are told in GiB."""


def gib(count: float) -> str:
    """Bytes in GiB (2^30): `11.40 GiB`."""
    return f"{count / 2**30:,.2f} GiB"
