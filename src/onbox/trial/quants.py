"""The quants of one model as contenders: which files they are, whether of one model, and which is the largest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onbox import recipes, weights
from onbox.errors import UsageError
from onbox.evidence.records import QuantPlan
from onbox.fetch.pinned import where_weights
from onbox.recipes import Recipe, Weights
from onbox.schema.recipe import Vision
from onbox.weights import Facts
from onbox.weights.layout import is_later_part, is_tower

QUANTS_MAX = 32


def quants_of(sources: Sequence[str], like: Recipe | None) -> tuple[list[Recipe], tuple[QuantPlan, ...]]:
    """Recipes of all quants, the largest first, and what their headers tell.

    Args:
        sources: each a folder of GGUF files, a GGUF file, or a recipe by name or file.
        like: the recipe that says how to serve what is named by its file alone, one of the quants itself; None: the
            first recipe among the sources, or else the model's own chat template and the engine's defaults.

    Raises:
        UsageError: there are not two of them, or two are not of the same model or not served alike.
    """
    named = {source: recipes.find(source) for source in sources if not _is_file(source)}
    like = like or next(iter(named.values()), None)
    found = [*([like] if like else []), *(each for source in sources for each in _recipes(source, named, like))]
    found = list({_place(recipe): recipe for recipe in found}.values())
    if len(found) < 2:
        raise UsageError(
            f"--quants: {', '.join(sources)}: fewer than two quants cannot be compared",
            "name two files, or a folder of them",
        )
    if len(found) > QUANTS_MAX:
        raise UsageError(f"--quants: {len(found)} files are more than {QUANTS_MAX}", "name the ones that you would use")
    _served_alike(found)
    facts = [(recipe, _facts(recipe)) for recipe in found]
    _one_model([(recipe, each) for recipe, each in facts if each is not None])
    ordered = sorted(facts, key=lambda pair: -_size(*pair))
    return [recipe for recipe, _ in ordered], tuple(_quant_plan(recipe, each) for recipe, each in ordered)


def _is_file(source: str) -> bool:
    path = Path(source).expanduser()
    return path.is_dir() or path.suffix == ".gguf"


def _recipes(source: str, named: Mapping[str, Recipe], like: Recipe | None) -> list[Recipe]:
    if source in named:
        return [named[source]]
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(path.glob("*.gguf"))
        towers = [file for file in files if is_tower(file.name)]
        models = [file for file in files if file not in towers and not is_later_part(file.name)]
        if not models:
            raise UsageError(f"--quants: {source}: contains no GGUF file of a model", "name a folder of GGUF files")
        return [_of_file(file, like, towers[0] if len(towers) == 1 else None) for file in models]
    return [_of_file(path, like, None)]


def _of_file(path: Path, like: Recipe | None, tower: Path | None) -> Recipe:
    plain = recipes.of_gguf(path)
    served = plain if like is None else like.model_copy(update={"name": plain.name, "weights": plain.weights})
    served = served.model_copy(update={"description": "", "expect": plain.expect})
    if tower is None or served.vision is not None:
        return served
    return served.model_copy(update={"vision": Vision(enabled=True, projector=Weights(path=str(tower.resolve())))})


_OWN = frozenset({"name", "description", "weights", "expect", "released", "vision", "url", "model", "api_key_env"})
"""What quants may differ in: which files they are, and where they are served."""


def _served_alike(found: Sequence[Recipe]) -> None:
    """One chat template, context and sampling for all, or the table would show those and not the quants.

    Raises:
        UsageError: two are served differently.
    """
    first = found[0].model_dump(mode="json", exclude=set(_OWN))
    for recipe in found[1:]:
        other = recipe.model_dump(mode="json", exclude=set(_OWN))
        differing = [name for name in first if first[name] != other.get(name)]
        if differing:
            raise UsageError(
                f"--quants: {recipe.name} and {found[0].name} are not served alike ({', '.join(differing)})",
                "name one recipe, and the other quants by their files: the recipe says how all are served",
            )


def _place(recipe: Recipe) -> str:
    where = _local(recipe)
    return str(where.resolve()) if where else recipe.name


def _local(recipe: Recipe) -> Path | None:
    """Where the weights lie on this box; None: they have to be fetched first, or a server has them."""
    if recipe.weights is None:
        return None
    path = where_weights(recipe.weights)[0]
    return path if path.exists() else None


def _facts(recipe: Recipe) -> Facts | None:
    path = _local(recipe)
    return None if path is None else weights.read(path)


def _one_model(known: Sequence[tuple[Recipe, Facts]]) -> None:
    """Quants of one model have the same architecture, layers, width and parameters, whatever their files are called.

    Raises:
        UsageError: two have not.
    """
    for recipe, facts in known[1:]:
        first_recipe, first = known[0]
        for what in ("architecture", "layers", "hidden", "parameters_total"):
            one, other = getattr(first, what), getattr(facts, what)
            if one != other:
                raise UsageError(
                    f"--quants: {recipe.name}: its {what} is {other}, and that of {first_recipe.name} is {one}",
                    "they are not quants of one model: compare them as contenders, without --quants",
                )


def _size(recipe: Recipe, facts: Facts | None) -> int:
    if facts is not None:
        return facts.tensor_bytes
    return (recipe.weights.bytes or 0) if recipe.weights else 0


def _quant_plan(recipe: Recipe, facts: Facts | None) -> QuantPlan:
    if facts is None:
        return QuantPlan(name=recipe.name)
    language = [group for group in facts.groups if group.part not in ("vision", "audio", "draft")]
    parameters = sum(group.parameters for group in language)
    by_type: dict[str, int] = {}
    for group in language:
        by_type[group.dtype] = by_type.get(group.dtype, 0) + group.parameters
    return QuantPlan(
        name=recipe.name,
        bytes=facts.tensor_bytes,
        bits_per_weight=round(8 * sum(group.nbytes for group in language) / parameters, 3) if parameters else None,
        types={
            dtype: round(held / parameters, 4)
            for dtype, held in sorted(by_type.items(), key=lambda each: (-each[1], each[0]))
        },
    )
