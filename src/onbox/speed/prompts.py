"""Natural text to go on from, each with words of its own first, so that no cache can answer for the model."""

import random

_SUBJECTS = (
    "the making of bread in a village oven",
    "how a lighthouse keeper spends a winter",
    "the repair of an old wooden boat",
    "a railway station at six in the morning",
    "the way a river changes from spring to sea",
    "what a beekeeper does through the year",
    "the building of a dry stone wall",
    "a market hall on a Saturday",
    "the life of an apple orchard",
    "how a clock is taken apart and put together",
    "a night in an observatory",
    "the work of a printing press a century ago",
)
_DEPTH = (
    "The road climbed slowly between the fields, and at every bend somebody had left a heap of stones, cleared from "
    "the soil by hand, year after year. "
)


def prompt(seed: int, number: int, depth_tokens: int = 0, like: int | None = None) -> str:
    """The prompt of one request.

    Args:
        seed: of the measurement; another seed gives other first words everywhere.
        number: of the request, from 0.
        depth_tokens: about how many tokens of text to put before the subject.
        like: the request whose subject it shares; only the first words differ then.
    """
    source = random.Random(f"{seed}/{number}")
    nonce = "-".join("".join(source.choices("bcdfghjklmnprstvwz", k=4)) for _ in range(3))
    # Rather more than four characters make a token of English prose.
    depth = _DEPTH * round(depth_tokens * 4.6 / len(_DEPTH))
    subject = _SUBJECTS[(seed + (number if like is None else like)) % len(_SUBJECTS)]
    return f"{nonce}\n\n{depth}This is a long and detailed account of {subject}, told in plain prose.\n\nIt begins"
