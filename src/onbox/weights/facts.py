"""The facts about a model's files: how big, what is read for one token, what is kept for one."""

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onbox.errors import UsageError
from onbox.weights.architecture import Architecture
from onbox.weights.cache import Cache, StateTotals
from onbox.weights.experts import experts_of
from onbox.weights.layers import cache_from
from onbox.weights.packing import Weight
from onbox.weights.parts import Part, layer_of, part_of, within_layer
from onbox.weights.plans import CachePlan

APART = (Part.VISION, Part.AUDIO, Part.DRAFT)
"""Parts that decoding text does not read."""
DEPTH_TOKENS = 4096
"""At which a step is described where the longest context is not told."""


@dataclass(frozen=True)
class Group:
    """Weights of one part and one type, added up."""

    part: str
    dtype: str
    matrices: bool
    """Whether a runtime could requantise them."""
    parameters: int
    nbytes: int


@dataclass(frozen=True)
class Tower:
    """A vision tower: the tensors and the configuration may disagree."""

    in_tensors: bool
    in_config: bool
    parameters: int
    nbytes: int


@dataclass(frozen=True)
class Facts:
    """Everything that headers and configuration tell about a model.

    `parameters_total` is the language model with its embeddings; vision, audio and draft layers are counted apart.
    `parameters_active` leaves out the embedding table (one row is looked up) and counts lm_head whole.
    """

    source: str
    format: str
    architecture: str
    layers: int
    context_length: int | None
    bytes_total: int
    """Of the files."""
    tensor_bytes: int
    """Of the tensors in them: what becomes resident."""
    parameters_total: int
    parameters_active: int
    experts: int | None
    top_k: int | None
    tied: bool
    hidden: int | None
    groups: tuple[Group, ...]
    embedding_row_bytes: int
    """Of the rows that one token looks up, of all tables."""
    tied_bytes: int
    """The embedding table's bytes where it is read whole as lm_head, else 0."""
    tied_parameters: int
    cache: Cache
    vision_tower: Tower
    draft_parameters: int
    draft_bytes: int
    modalities: tuple[str, ...]
    files: tuple[str, ...]
    experts_share: float = 1.0
    """Of the bytes of routed experts that one token reads."""
    unknown: tuple[str, ...] = field(default=())
    """What of the weights that a token reads is not known; what is not known of the cache is in `cache.unknown`."""
    notes: tuple[str, ...] = field(default=())

    @property
    def state(self) -> StateTotals | None:
        """Of recurrent layers; None without any."""
        return self.cache.state

    @property
    def all_unknown(self) -> tuple[str, ...]:
        """Everything that is missing before a ceiling can be told to three digits."""
        return self.unknown + self.cache.unknown

    def active_share(self, part: str) -> float:
        """The share of a part that one token reads."""
        if part in APART or part == Part.EMBEDDING:
            return 0.0
        if part == Part.EXPERTS:
            return self.experts_share
        return 1.0

    def read_bytes(self) -> dict[str, float]:
        """Bytes of weights that one token reads, by part, as stored."""
        read: dict[str, float] = defaultdict(float)
        for group in self.groups:
            read[group.part] += group.nbytes * self.active_share(group.part)
        read[Part.EMBEDDING] += self.embedding_row_bytes
        read[Part.LM_HEAD] += self.tied_bytes
        return {part: count for part, count in read.items() if count}

    def as_dict(self, depth_tokens: int | None = None) -> dict[str, Any]:
        """Plain data for JSON, with the keys of the command line contract.

        Args:
            depth_tokens: at which `read_bytes_per_step` is given; by default the longest context.
        """
        read = self.read_bytes()
        attention = read.get(Part.QKV, 0.0) + read.get(Part.OUTPUT, 0.0)
        experts, lm_head = read.get(Part.EXPERTS, 0.0), read.get(Part.LM_HEAD, 0.0)
        total = sum(read.values())
        fields = dataclasses.asdict(dataclasses.replace(self, cache=Cache(())))
        del fields["cache"]
        fields["bytes_per_token"] = {
            "total": round(total),
            "experts": round(experts),
            "attention": round(attention),
            "lm_head": round(lm_head),
            "other": round(total - experts - attention - lm_head),
            "parts": {str(part): round(count) for part, count in read.items()},
        }
        depth = depth_tokens if depth_tokens is not None else self.context_length or DEPTH_TOKENS
        fields["kv"] = {
            **self.cache.as_dict(depth),
            "written_bytes_per_token": round(self.cache.written_bytes()),
            "sliding_bytes_max": round(self.cache.windowed_bytes()),
        }
        fields["kv_bytes_per_token"] = fields["kv"]["kept_bytes_per_token"]
        fields["state"] = dataclasses.asdict(self.state) if self.state else None
        fields["state_traffic_bytes_per_token"] = self.state.traffic_bytes if self.state else 0
        return fields


def facts(
    *,
    source: str,
    format_: str,
    files: Sequence[str],
    bytes_total: int,
    weights: Sequence[Weight],
    architecture: Architecture,
    plan: CachePlan,
    notes: Sequence[str] = (),
) -> Facts:
    """Add the weights up.

    Args:
        plan: what the configuration says that each layer keeps.
        notes: what reading the files has to say.

    Raises:
        UsageError: no weights, or experts whose number or top-k cannot be told.
    """
    if not weights:
        raise UsageError(f"{source}: contains no weights")
    found_notes = list(notes)
    parts = _classify(weights, architecture)
    layers = architecture.layers - (architecture.draft_layers if architecture.draft_in_layers else 0)
    experts = experts_of(source, weights, parts, architecture)
    groups, parameters = _groups(weights, parts)
    tied = parameters[Part.LM_HEAD] == 0 and parameters[Part.EMBEDDING] > 0
    if tied and architecture.tied is False:
        found_notes.append("config.json says that lm_head is not tied, yet no lm_head tensor is there: counted as tied")
    total = sum(count for part, count in parameters.items() if part not in APART)
    tables = _tables(weights, parts)
    table = _token_table(tables) if tied else None
    active = total - parameters[Part.EMBEDDING] + (table.parameters if table else 0)
    active -= parameters[Part.EXPERTS] - round(parameters[Part.EXPERTS] * experts.parameters_share)
    unknown = [each.name for each, part in zip(weights, parts, strict=True) if part is Part.OTHER and each.parameters]
    if unknown:
        size = sum(each.nbytes for each, part in zip(weights, parts, strict=True) if part is Part.OTHER)
        found_notes.append(
            f"{len(unknown)} tensors of {size:,} bytes not recognised, counted as read: {', '.join(unknown[:3])}"
        )
    tower = _tower(groups, architecture, len(unknown), found_notes)
    drafts = [group for group in groups if group.part == Part.DRAFT]
    audio = parameters[Part.AUDIO] > 0
    return Facts(
        source=source,
        format=format_,
        architecture=architecture.name,
        layers=layers,
        context_length=architecture.context_length,
        bytes_total=bytes_total,
        tensor_bytes=sum(each.nbytes for each in weights),
        parameters_total=total,
        parameters_active=active,
        experts=experts.count,
        top_k=experts.top_k,
        tied=tied,
        hidden=architecture.hidden,
        groups=groups,
        embedding_row_bytes=sum(_row_bytes(each, architecture) for each in tables),
        tied_bytes=table.nbytes if table else 0,
        tied_parameters=table.parameters if table else 0,
        cache=cache_from(
            weights, parts, dataclasses.replace(plan, unknown=plan.unknown + _layers_beyond(weights, architecture))
        ),
        vision_tower=tower,
        draft_parameters=sum(group.parameters for group in drafts),
        draft_bytes=sum(group.nbytes for group in drafts),
        modalities=("text", *(("image",) if tower.in_tensors else ()), *(("audio",) if audio else ())),
        files=tuple(files),
        experts_share=experts.bytes_share,
        unknown=(plan.expert_note,) if plan.expert_note and experts.count else (),
        notes=tuple(found_notes),
    )


# ------------------------------------------------------------ parts


_RECURRENT_MARK = re.compile(
    r"(attn|attention)\.(a_log|[qkv]_conv1d|conv1d|dt_bias|f_a_proj|decay\w*)(\.|$)", re.IGNORECASE
)


def _classify(weights: Sequence[Weight], architecture: Architecture) -> list[Part]:
    """Parts by name, corrected by what only the whole shows: draft layers, and projections of recurrent ones."""
    last = architecture.layers - (architecture.draft_layers if architecture.draft_in_layers else 0)
    fused = {layer_of(each.name) for each in weights if ".ssm_" in each.name}
    recurrent = {layer_of(each.name) for each in weights if _RECURRENT_MARK.search(within_layer(each.name))}
    keyed = {layer_of(each.name) for each in weights if each.name.endswith(".attn_k")}
    found = []
    for weight in weights:
        part, layer = part_of(weight.name), layer_of(weight.name)
        if layer is not None and last and layer >= last and part not in APART:
            part = Part.DRAFT
        elif (part is Part.QKV and layer in fused and layer not in keyed) or (
            part in (Part.QKV, Part.OUTPUT) and layer in recurrent
        ):
            part = Part.LINEAR
        found.append(part)
    return found


def _groups(weights: Sequence[Weight], parts: Sequence[Part]) -> tuple[tuple[Group, ...], Counter[Part]]:
    sums: dict[tuple[Part, str, bool], list[int]] = defaultdict(lambda: [0, 0])
    parameters: Counter[Part] = Counter()
    for weight, part in zip(weights, parts, strict=True):
        entry = sums[part, weight.dtype, weight.is_matrix]
        entry[0] += weight.parameters
        entry[1] += weight.nbytes
        parameters[part] += weight.parameters
    order = list(Part)
    keys = sorted(sums, key=lambda key: (order.index(key[0]), key[1], not key[2]))
    return tuple(Group(str(key[0]), key[1], key[2], *sums[key]) for key in keys), parameters


def _layers_beyond(weights: Sequence[Weight], architecture: Architecture) -> tuple[str, ...]:
    """Layers that the tensors hold and the configuration neither counts nor calls a draft."""
    numbers = {layer_of(each.name) for each in weights if part_of(each.name) not in APART}
    beyond = sorted(each for each in numbers if each is not None and each >= architecture.layers > 0)
    if architecture.draft_in_layers or len(beyond) <= max(1, architecture.draft_layers):
        return ()
    return (f"the configuration counts {architecture.layers} layers, the tensors hold layers up to {beyond[-1]}",)


def _tables(weights: Sequence[Weight], parts: Sequence[Part]) -> list[Weight]:
    """Tables that are looked up: tokens, and in some models positions or a table for each layer."""
    return [each for each, part in zip(weights, parts, strict=True) if part is Part.EMBEDDING and each.parameters]


def _token_table(tables: Sequence[Weight]) -> Weight | None:
    """The table of token embeddings, which tied models read as lm_head."""
    tokens = [each for each in tables if not re.search(r"position|wpe|per_layer|token_types", each.name)]
    return max(tokens, key=lambda each: each.parameters, default=None)


def _row_bytes(table: Weight, architecture: Architecture) -> int:
    width = table.shape[-1] if table.shape else architecture.hidden or 0
    return round(table.nbytes * width / table.parameters)


def _tower(groups: Sequence[Group], architecture: Architecture, unexplained: int, notes: list[str]) -> Tower:
    mine = [group for group in groups if group.part == Part.VISION]
    tower = Tower(
        bool(mine), architecture.vision, sum(each.parameters for each in mine), sum(each.nbytes for each in mine)
    )
    if tower.in_config and not tower.in_tensors:
        end = f"{unexplained} tensors are not explained, one of them may be it" if unexplained else "it cannot see"
        notes.append(f"the configuration speaks of a vision tower, no tensor is known to be one: {end}")
    if tower.in_tensors and not tower.in_config:
        notes.append(
            "the tensors hold a vision tower that the configuration does not mention: an engine may not load it"
        )
    return tower
