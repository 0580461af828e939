"""What engines hard-code by architecture, because neither configuration nor file says it.

Read in November 2026 in the programs of `sources.py`. `transformers` is the configuration or modelling
file of that model; for GGUF it is `load_arch_hparams` of the model's file, and `load_swa_pattern` for what
the period means: of each `period` layers the last is full, or the first where `full_first`.
"""

from dataclasses import dataclass

from onbox.weights.config_values import words
from onbox.weights.key_definitions import CONFIG_CLASSES, CONFIG_READER, GGUF_MODELS


@dataclass(frozen=True)
class Period:
    """Every `period`-th layer sees everything, the others a window. 1: all layers see everything; 0: none does.

    Args:
        window: where it is not stated: the default of the configuration class, or of the engine.
        full_first: whether the first layer of each period is the full one, not the last.
        last_full: whether the last layer is full whatever the period says.
        source: the file that says so.
    """

    period: int
    source: str
    window: int | None = None
    full_first: bool = False
    last_full: bool = False

    def slides(self, layer: int, layers: int) -> bool:
        if self.last_full and layer == layers - 1:
            return False
        if self.period == 0:
            return True
        return layer % self.period != 0 if self.full_first else (layer + 1) % self.period != 0


def _hf(model: str) -> str:
    return f"{CONFIG_CLASSES}, models/{model}"


def _gguf(model: str) -> str:
    return f"{GGUF_MODELS}/{model}.cpp"


CONFIG_PERIODS: dict[str, Period] = {
    "gemma2": Period(2, _hf("gemma2"), window=4096),
    "gemma3": Period(6, _hf("gemma3"), window=4096),
    "gemma3_text": Period(6, _hf("gemma3"), window=4096),
    "gemma3n_text": Period(5, _hf("gemma3n"), window=512),
    "gemma4_text": Period(6, _hf("gemma4"), window=512, last_full=True),
    "vaultgemma": Period(2, _hf("vaultgemma")),
    "gpt_oss": Period(2, _hf("gpt_oss"), window=128),
    "cohere2": Period(4, _hf("cohere2"), window=4096),
    "exaone4": Period(4, _hf("exaone4"), window=4096, last_full=True),
    "exaone_moe": Period(4, _hf("exaone_moe"), last_full=True),
    "olmo3": Period(4, _hf("olmo3"), window=4096),
    "afmoe": Period(4, _hf("afmoe"), window=1024),
    "mistral": Period(0, _hf("mistral"), window=4096),
    "mixtral": Period(0, _hf("mixtral")),
    "starcoder2": Period(0, _hf("starcoder2")),
    "phi3": Period(0, _hf("phi3")),
    "phimoe": Period(0, _hf("phimoe")),
    "phi4_multimodal": Period(0, _hf("phi4_multimodal")),
}
"""By `model_type`, for configurations that state a window and no list of layers."""

WINDOW_IS_OFF = words("""
qwen2 qwen2_moe qwen2_vl qwen2_vl_text qwen2_5_vl qwen2_5_vl_text qwen2_5_omni_text qwen3 qwen3_moe qwen3_vl_text
smollm3 dots1 qwen2_audio
""")
"""Models whose window counts only with `use_sliding_window: true` (transformers 5.24, their configuration files)."""

GGUF_PERIODS: dict[str, Period] = {
    "gemma2": Period(2, _gguf("gemma2"), window=4096),
    "gemma3": Period(6, _gguf("gemma3")),
    "gemma3n": Period(5, _gguf("gemma3n")),
    "gpt-oss": Period(2, _gguf("openai-moe")),
    "cohere2": Period(4, _gguf("cohere2")),
    "cohere2moe": Period(4, _gguf("cohere2moe"), full_first=True),
    "exaone4": Period(4, _gguf("exaone4")),
    "exaone-moe": Period(4, _gguf("exaone-moe")),
    "olmo2": Period(4, _gguf("olmo2")),
    "plamo3": Period(8, _gguf("plamo3")),
    "afmoe": Period(4, _gguf("afmoe")),
    "laguna": Period(4, _gguf("laguna"), full_first=True),
    "mellum": Period(4, _gguf("mellum")),
    "muse-glimmer": Period(4, _gguf("muse-glimmer")),
    "smallthinker": Period(4, _gguf("smallthinker"), full_first=True),
    "phi3": Period(1, f"{_gguf('phi3')}: its window is switched off there"),
}
"""By `general.architecture`, for files that state a window and no pattern."""

GGUF_WINDOW_IGNORED = words("""
llama qwen2 qwen3 qwen2moe qwen3moe qwen3vl qwen3vlmoe starcoder2 phimoe granite granitemoe
""")
"""Architectures whose graph has no window: a stated one changes nothing (no `swa_type` in their files)."""

GGUF_SHARED_FROM = {"gemma3n": (20, _gguf("gemma3n"))}
"""Layers from this one on keep nothing of their own."""

EXPANDED_LATENT = {
    "minicpm3": f"{CONFIG_READER}, models/minicpm3.py: keys and values are kept expanded, padded to the key's size"
}
"""Models with latent projections whose engines keep the expanded heads all the same."""

NOT_DECODERS = words("""
bert roberta xlm-roberta distilbert electra albert deberta deberta-v2 modernbert nomic_bert eurobert neobert mpnet
camembert jina-bert-v2 jina-bert-v3 nomic-bert nomic-bert-moe neo-bert modern-bert gemma-embedding clip siglip siglip2
vit dinov2 dinov3_vit t5encoder embedding_gemma2
""")
ONE_STEP_IS_NO_TOKEN = words("""
llada llada_moe llada-moe dream diffusion_gemma_text diffusion_gemma diffusion-gemma rnd1 sdar sdar_moe
""")
"""Text diffusion: a step is not a token, and engines keep no cache between steps, or one of their own design."""
