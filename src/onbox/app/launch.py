"""What would be started for a recipe, and the doubts about it; nothing is."""

from onbox.launch.resolve import ResolvedLaunch, resolve
from onbox.recipes import Recipe
from onbox.recipes.sparkrun_write import to_sparkrun, written
from onbox.recipes.yaml_text import recipe_yaml

FORMS = ("onbox", "sparkrun")


def resolve_launch(recipe: Recipe, *, reserve_bytes: int | None = None) -> ResolvedLaunch:
    """The exact command of a recipe with its checks.

    Args:
        recipe: what would be started.
        reserve_bytes: memory that must stay available; None takes the default for this box.

    Raises:
        UsageError: its engine cannot do what it asks for.
        BoxError: the embedded engine is not installed; of another one a check says so.
    """
    return resolve(recipe, reserve=reserve_bytes, elsewhere=True)


def recipe_text(recipe: Recipe, form: str) -> str:
    """A recipe as a file: as onbox reads it, or as sparkrun does.

    Raises:
        UsageError: sparkrun cannot do what it asks for.
    """
    return recipe_yaml(recipe).decode() if form == "onbox" else written(to_sparkrun(recipe))
