"""Routed experts: how many a layer has, how many of them a token reads; both may differ from layer to layer."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from onbox.errors import UsageError
from onbox.weights.architecture import Architecture
from onbox.weights.packing import Weight
from onbox.weights.parts import Part, layer_of


@dataclass(frozen=True)
class Experts:
    """Of most layers that have any; the shares are over all layers."""

    count: int | None
    top_k: int | None
    parameters_share: float = 1.0
    bytes_share: float = 1.0


def experts_of(source: str, weights: Sequence[Weight], parts: Sequence[Part], architecture: Architecture) -> Experts:
    """Count experts by the tensors, and hold the number against the configuration's.

    Raises:
        UsageError: numbers that contradict each other, or no word on how many a token uses.
    """
    counts, parameters, nbytes = _counts_by_layer(weights, parts)
    if not counts:
        if (architecture.experts or 0) > 1:
            raise UsageError(
                f"{source}: the configuration says {architecture.experts} experts, no tensor is known to be one",
                "please report the model's name; what a token reads is not known",
            )
        return Experts(None, None)
    most = Counter(counts.values()).most_common(1)[0][0]
    if architecture.experts is not None and not _agree(architecture.experts, counts, architecture.idle_experts):
        raise UsageError(
            f"{source}: the configuration says {architecture.experts} experts, the tensors hold {most}",
            "see that configuration and weights are of one model, and whole",
        )
    shares = {}
    for layer, count in counts.items():
        top_k = architecture.top_k_of(layer)
        if not top_k or top_k > count:
            raise UsageError(
                f"{source}: {count} experts, but the configuration does not say how many a token uses",
                "it is looked for as num_experts_per_tok, top_k_experts, moe_topk and the like, also nested",
            )
        shares[layer] = top_k / count
    top = Counter(architecture.top_k_of(layer) for layer in counts).most_common(1)[0][0]
    return Experts(most, top, _weighed(shares, parameters), _weighed(shares, nbytes))


def _agree(stated: int, counts: dict[int | None, int], idle: int) -> bool:
    """Whether a layer holds as many as the configuration says; experts that do nothing may be counted in."""
    return stated in counts.values() or stated + idle in counts.values()


def _counts_by_layer(
    weights: Sequence[Weight], parts: Sequence[Part]
) -> tuple[dict[int | None, int], dict[int | None, int], dict[int | None, int]]:
    """Experts, parameters and bytes by layer."""
    single: dict[int | None, set[str]] = defaultdict(set)
    fused: dict[int | None, int] = {}
    parameters: Counter[int | None] = Counter()
    nbytes: Counter[int | None] = Counter()
    for weight, part in zip(weights, parts, strict=True):
        if part is not Part.EXPERTS:
            continue
        layer = layer_of(weight.name)
        parameters[layer] += weight.parameters
        nbytes[layer] += weight.nbytes
        number = weight.name.partition(".experts.")[2].split(".", 1)[0]
        if number.isdigit():
            single[layer].add(number)
        elif weight.shape:
            fused[layer] = max(fused.get(layer, 0), weight.shape[0])
    counts = {layer: len(single[layer]) if layer in single else fused.get(layer, 0) for layer in parameters}
    return {layer: count for layer, count in counts.items() if count}, dict(parameters), dict(nbytes)


def _weighed(shares: dict[int | None, float], amounts: dict[int | None, int]) -> float:
    total = sum(amounts[layer] for layer in shares)
    return sum(share * amounts[layer] for layer, share in shares.items()) / total if total else 1.0
