"""Write docs/ceilings.md and docs/ceilings.svg: run `PYTHONPATH=src:. python tools/ceilings.py`.

The models are true headers without weights (tests/unit/weights/checkpoints.py); every number of the tables comes from
`onbox.weights` and `onbox.fit`, so a test can hold the page against the code.
"""

import tempfile
from dataclasses import dataclass
from math import log2
from pathlib import Path

from tests.unit.weights.checkpoints import gpt_oss, nemotron, qwen36, write_model

from onbox import fit, weights
from onbox.weights import Facts

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOMINAL, MEASURED = 273.0, 233.0
OTHER_TOOLS = Path(__file__).with_name("other_tools.md")
RECIPE = "moe=mxfp4,qkv=mxfp4,o=mxfp4,lm_head=mxfp4"


@dataclass(frozen=True)
class Claim:
    """A published rate. `acceptance` is 1 without speculation, else an assumed number of tokens a pass."""

    rate_tok_s: float
    who: str
    acceptance: float = 1.0


GPT_OSS_CLAIMS = (
    Claim(58.82, "Spark Arena, tg128, one node"),
    Claim(59.5, "cipherfoxie's report, engine's TPOT"),
    Claim(60.47, "christopherowen's fork, pp2048 tg128"),
)
QWEN_CLAIMS = (
    Claim(69.2, "cipherfoxie's report, DFlash k=3; no token of a draft accepted", 1.0),
    Claim(69.2, "cipherfoxie's report, DFlash k=3; 2.5 tokens per pass", 2.5),
    Claim(69.2, "cipherfoxie's report, DFlash k=3; every draft accepted", 4.0),
)
QWEN_MTP_CLAIMS = (Claim(239.0, "Spark Arena, native MTP k=2; every draft accepted", 3.0),)
NEMOTRON_CLAIMS = (Claim(16.3, "kubis.ai, alone, no speculation"),)


def models(folder: Path) -> tuple[Facts, Facts, Facts]:
    """gpt-oss-120b, Qwen3.6-35B-A3B and Nemotron-3-Super as headers."""
    return (
        weights.read(write_model(folder / "gpt-oss-120b", *gpt_oss(), shards=15)),
        weights.read(write_model(folder / "Qwen3.6-35B-A3B", *qwen36(), shards=4)),
        weights.read(write_model(folder / "Nemotron-3-Super-NVFP4", *nemotron(quantised=True))),
    )


def at(facts: Facts, resident: str, claim: Claim | None = None, context: int = 0, kv: str = "bf16") -> fit.Fit:
    """One precision on a Spark."""
    return fit.fit(
        facts,
        context=context,
        kv_dtype=kv,
        overrides=fit.parse_overrides(resident) if resident else None,
        acceptance=claim.acceptance if claim else 1.0,
        rate_tok_s=claim.rate_tok_s if claim else None,
        nominal_gb_s=NOMINAL,
        measured_gb_s=MEASURED,
    )


def table(facts: Facts, precisions: list[tuple[str, str]]) -> str:
    """Ceilings by resident precision."""
    rows = [
        "| resident precision | `--resident` | GB per token | ceiling at 273 GB/s | at 233 GB/s |",
        "|---|---|--:|--:|--:|",
    ]
    for name, resident in precisions:
        ceiling = at(facts, resident).chosen
        flag = f"`{resident}`" if resident else "(as stored)"
        rows.append(
            f"| {name} | {flag} | {ceiling.bytes_per_token / 1e9:.3f} | {ceiling.ceiling_nominal_tok_s:.1f} | "
            f"{ceiling.ceiling_measured_tok_s:.1f} |"
        )
    return "\n".join(rows)


def verdicts(facts: Facts, precisions: list[tuple[str, str]], claims: tuple[Claim, ...]) -> str:
    """Published rates judged at each precision."""
    rows = ["| rate, tok/s | who | if resident as | implies | of nominal | of measured | verdict |",
            "|--:|---|---|--:|--:|--:|---|"]  # fmt: skip
    for claim in claims:
        for name, resident in precisions:
            plausibility = at(facts, resident, claim).chosen.plausibility
            assert plausibility is not None
            rows.append(
                f"| {claim.rate_tok_s:g} | {claim.who} | {name} | {plausibility.implied_gb_s:.1f} GB/s | "
                f"{plausibility.share_of_nominal:.0%} | {plausibility.share_of_measured:.0%} | {plausibility.verdict} |"
            )
    return "\n".join(rows)


GPT_OSS_PRECISIONS = [
    ("the checkpoint's own: experts MXFP4, rest BF16", ""),
    ("BF16 attention, MXFP4 lm_head", "lm_head=mxfp4"),
    ("attention and lm_head in Q8_0", "attention=q8_0,lm_head=q8_0"),
    ("attention and lm_head in FP8", "attention=fp8,lm_head=fp8"),
    ("everything MXFP4, the Spark recipe", RECIPE),
]
QWEN_PRECISIONS = [
    ("BF16", ""),
    ("FP8, lm_head BF16", "all=fp8,lm_head=bf16"),
    ("NVFP4, lm_head BF16", "all=nvfp4,lm_head=bf16"),
    ("INT4 group 128, lm_head BF16", "all=int4-g128,lm_head=bf16"),
]
NEMOTRON_PRECISIONS = [
    ("NVFP4 experts, FP8 Mamba, rest BF16", ""),
    ("shared experts FP8 instead", "shared=fp8"),
    ("all NVFP4", "all=nvfp4"),
]


def page(gpt: Facts, qwen: Facts, super_: Facts) -> str:
    """The whole of docs/ceilings.md."""
    return f"""# Ceilings: what memory bandwidth allows, and what was claimed

Written by `tools/ceilings.py`; a test holds this page against the code.

Decoding one token reads every active weight once. So the read bandwidth divided by the bytes per token is a ceiling for
the rate, and a claimed rate times the bytes per token is the bandwidth that the claim implies. A DGX Spark states 273
GB/s; one owner measured 233 GB/s with a read kernel (antirez/ds4#773). This project measured neither. The bytes come
from headers with the names, types and shapes of the published checkpoints, made for this page without weights. The
context is 0, which favours the claims, unless a table says otherwise. The resident precision (the precision of the
weights in memory) is an assumption in each row, because nobody published it.

Verdicts: an *impossible* rate needs more than the nominal bandwidth; *at_ceiling* means 85 percent or more of the
measured bandwidth; *not_bandwidth_bound* less than 35 percent; *below_ceiling* lies between. That a rate does not
change with the clock proves only that it is not limited by the clock: a decode that waits for kernel launches looks the
same.

## gpt-oss-120b

{gpt.parameters_total / 1e9:.2f} B parameters, {gpt.parameters_active / 1e9:.2f} B active,
{gpt.tensor_bytes / 2**30:.2f} GiB, KV cache {gpt.as_dict()["kv_bytes_per_token"]:,} bytes per token in BF16 for
{gpt.cache.full_layers} full layers, {gpt.cache.sliding_layers} layers see {gpt.cache.sliding_window} tokens.

{table(gpt, GPT_OSS_PRECISIONS)}

{verdicts(gpt, [("the checkpoint", ""), ("the recipe", RECIPE)], GPT_OSS_CLAIMS)}

cipherfoxie's report called 59.5 tok/s "the speed of light" of this box. It is impossible if the weights were resident
in the checkpoint's own precision, and about 25 tok/s below the ceiling at the measured bandwidth if in the recipe's.

### Over context, all MXFP4

| context | BF16 KV: GB per token | at 273 | at 233 | FP8 KV: GB per token | at 273 | at 233 |
|--:|--:|--:|--:|--:|--:|--:|
{_context_rows(gpt)}

![Ceiling of gpt-oss-120b over context](ceilings.svg)

The dots assume the usual benchmark, a prompt of 2048 tokens and 128 generated tokens, on top of the stated depth.

### In batches, all MXFP4, context 0

A batch of B touches N(1 - (1 - k/N)^B) experts of a layer if its tokens are routed independently. The tokens of real
text share more experts, so real totals may be a little higher than these.

| B | GB per step | total tok/s at 273 | at 233 |
|--:|--:|--:|--:|
{_batch_rows(gpt)}

## Qwen3.6-35B-A3B

{qwen.parameters_total / 1e9:.2f} B parameters, {qwen.parameters_active / 1e9:.3f} B active; vision tower
({qwen.vision_tower.nbytes / 1e9:.2f} GB in these headers) and the MTP layer ({qwen.draft_bytes / 1e9:.2f} GB) are
counted separately. {qwen.state.layers if qwen.state else 0} recurrent layers add
{(qwen.state.traffic_bytes if qwen.state else 0) / 1e9:.3f} GB per token of state, read and written; the tables have it.

{table(qwen, QWEN_PRECISIONS)}

{verdicts(qwen, [("INT4 group 128", "all=int4-g128,lm_head=bf16")], QWEN_CLAIMS)}
{_body(verdicts(qwen, [("FP8, lm_head BF16", "all=fp8,lm_head=bf16")], QWEN_MTP_CLAIMS))}

69.2 tok/s lies below the ceiling even without speculation. How far below is not known, because the acceptance length
was not published. A single stream at 239 tok/s with two drafted tokens is impossible in FP8 even if every draft is
accepted.

## Nemotron-3-Super-120B-A12B

{super_.parameters_total / 1e9:.2f} B parameters, {super_.parameters_active / 1e9:.2f} B active; the FP32 state of
{super_.state.layers if super_.state else 0} Mamba layers adds
{(super_.state.traffic_bytes if super_.state else 0) / 1e9:.3f} GB per token. Which layers the published NVFP4
checkpoint keeps in which type was not read from its header; the headers made for this page follow the first row.

{table(super_, NEMOTRON_PRECISIONS)}

{verdicts(super_, [("the first row", "")], NEMOTRON_CLAIMS)}

## The same inputs in other tools

As of November 2026. hf-mem read the same headers from a server on loopback (its hub address was changed for that); the
others bring their own data.

| tool | gpt-oss-120b | Qwen3.6-35B-A3B | Nemotron-3-Super | why it differs |
|---|---|---|---|---|
| onbox, tensor bytes | {gpt.tensor_bytes:,} | {qwen.tensor_bytes:,} | {super_.tensor_bytes:,} | |
{OTHER_TOOLS.read_text()}"""


def _body(markdown_table: str) -> str:
    return "\n".join(markdown_table.splitlines()[2:])


def _context_rows(facts: Facts) -> str:
    rows = []
    for context in (512, 4096, 32768, 100000):
        cells = []
        for kv in ("bf16", "fp8"):
            ceiling = at(facts, RECIPE, context=context, kv=kv).chosen
            ceilings = f"{ceiling.ceiling_nominal_tok_s:.1f} | {ceiling.ceiling_measured_tok_s:.1f}"
            cells.append(f"{ceiling.bytes_per_token / 1e9:.3f} | {ceilings}")
        rows.append(f"| {context:,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _batch_rows(facts: Facts) -> str:
    rows = []
    for batch in (1, 2, 4, 8, 16):
        fitted = fit.fit(
            facts, batch=batch, overrides=fit.parse_overrides(RECIPE), nominal_gb_s=NOMINAL, measured_gb_s=MEASURED
        )
        rows.append(
            f"| {batch} | {fitted.step.total / 1e9:.2f} | {fitted.chosen.ceiling_nominal_tok_s:.1f} | "
            f"{fitted.chosen.ceiling_measured_tok_s:.1f} |"
        )
    return "\n".join(rows)


# ------------------------------------------------------------ plot

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 820, 470, 62, 190, 58, 56
CONTEXTS = [256 * 2 ** (step / 4) for step in range(37)]
RATE_MAX = 110.0
INK, GREY, BLUE, ORANGE = "#1f2328", "#8b949e", "#0969da", "#bc4c00"

# Depth and prompt of the benchmark make the context: 2048 + 64 tokens on the way for tg128 at depth 0.
POINTS = (
    (2112, 60.47, "60.47 fork", -6),
    (2112, 58.82, "58.82 arena", 4),
    (2112, 54.33, "54.33 report, d0", 17),
    (6208, 51.98, "51.98 report, d4096, eager", -8),
)


def plot(facts: Facts) -> str:
    """The ceiling over context as an SVG, with the published points."""

    def curve(resident: str, bandwidth: str, kv: str = "bf16") -> list[tuple[float, float]]:
        ceilings = [at(facts, resident, context=round(context), kv=kv).chosen for context in CONTEXTS]
        rates = [getattr(each, f"ceiling_{bandwidth}_tok_s") for each in ceilings]
        return [(_x(context), _y(rate)) for context, rate in zip(CONTEXTS, rates, strict=True)]

    lines = [
        (curve(RECIPE, "nominal"), BLUE, "6 4", "all MXFP4, 273 GB/s"),
        (curve(RECIPE, "measured"), BLUE, "", "all MXFP4, 233 GB/s"),
        (curve("", "nominal"), ORANGE, "6 4", "as stored, 273 GB/s"),
        (curve("", "measured"), ORANGE, "", "as stored, 233 GB/s"),
    ]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" '
        f'font-size="12" fill="{INK}" role="img" aria-label="Decode ceiling of gpt-oss-120b over context">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="15" font-weight="600">gpt-oss-120b on a DGX Spark: the ceiling over '
        "context</text>",
        f'<text x="{LEFT}" y="40" fill="{GREY}">one stream, no speculation, BF16 KV cache; '
        "dots are published rates</text>",
    ]
    for rate in range(0, 101, 20):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(rate):.1f}" y2="{_y(rate):.1f}" stroke="#d8dee4"/>')
        out.append(f'<text x="{LEFT - 8}" y="{_y(rate) + 4:.1f}" text-anchor="end">{rate}</text>')
    for context in (256, 1024, 4096, 16384, 65536, 131072):
        label = f"{context // 1024}k" if context >= 1024 else str(context)
        out.append(f'<text x="{_x(context):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>')
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">tokens of context</text>'
    )
    out.append(
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)" '
        'text-anchor="middle">tok/s</text>'
    )
    names_y = [_y(39), _y(33), _y(27), _y(21)]
    for (points, colour, dash, name), label_y in zip(lines, names_y, strict=True):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        style = f' stroke-dasharray="{dash}"' if dash else ""
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{style}/>')
        end = WIDTH - RIGHT + 14
        out.append(f'<line x1="{end}" x2="{end + 22}" y1="{label_y:.1f}" y2="{label_y:.1f}" stroke="{colour}" '
                   f'stroke-width="2"{style}/>')  # fmt: skip
        out.append(f'<text x="{end + 28}" y="{label_y + 4:.1f}">{name}</text>')
    for tokens, shown_rate, label, shift in POINTS:
        at_label = f'x="{_x(tokens) + 8:.1f}" y="{_y(shown_rate) + shift:.1f}"'
        out.append(f'<circle cx="{_x(tokens):.1f}" cy="{_y(shown_rate):.1f}" r="3.5" fill="{INK}"/>')
        out.append(f'<text {at_label} stroke="#ffffff" stroke-width="3">{label}</text>')
        out.append(f"<text {at_label}>{label}</text>")
    return "\n".join([*out, "</svg>", ""])


def _x(context: float) -> float:
    return LEFT + (log2(context) - 8) / 9 * (WIDTH - LEFT - RIGHT)


def _y(rate: float) -> float:
    return HEIGHT - BOTTOM - rate / RATE_MAX * (HEIGHT - TOP - BOTTOM)


def main() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as folder:
        gpt, qwen, super_ = models(Path(folder))
    (DOCS / "ceilings.md").write_text(page(gpt, qwen, super_))
    (DOCS / "ceilings.svg").write_text(plot(gpt))


if __name__ == "__main__":
    main()
