"""Room for several sequences at a time, as engines are told of it."""

from onbox.errors import UsageError
from onbox.schema.recipe import Recipe


def slots_of(recipe: Recipe) -> int:
    """Slots of an engine that has as many as it is told."""
    return recipe.serve.sequences or 1


def context_of_all(recipe: Recipe) -> int | None:
    """Tokens of context over all slots, for an engine that divides its context among them; None: the model's own.

    Raises:
        UsageError: of several slots nobody says how much context each needs.
    """
    each = recipe.serve.context_tokens
    if each is None and slots_of(recipe) > 1:
        raise UsageError(
            f"{recipe.name}: serve.context_tokens: left out, and {slots_of(recipe)} sequences at a time share it",
            "set how many tokens one sequence needs",
        )
    return None if each is None else each * slots_of(recipe)


def check_room(recipe: Recipe, option: str) -> None:
    """See that the recipe's own argument, which bounds sequences at a time, leaves room for as many as are asked.

    Args:
        option: of the engine, such as `max-num-seqs`.

    Raises:
        UsageError: it does not.
    """
    given = {name.replace("_", "-"): value for name, value in recipe.serve.arguments.items()}
    limit, sequences = str(given.get(option, "")), recipe.serve.sequences
    if sequences is not None and limit.isdecimal() and int(limit) < sequences:
        raise UsageError(
            f"{recipe.name}: serve.arguments: {option} {limit}: {sequences} sequences at a time are asked for",
            f"raise {option} to {sequences}, or ask for {limit} at a time",
        )


def reported_slots(props: dict[str, object]) -> int | None:
    """Sequences at a time, by what a running engine says of itself; None when it does not say."""
    for name in ("total_slots", "max_running_requests"):
        slots = props.get(name)
        if isinstance(slots, int) and slots > 0:
            return slots
    return None
