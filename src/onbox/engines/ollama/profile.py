"""The durations in Ollama's replies; it has no counters."""

from onbox.schema.engine_profile import EngineProfile, ReplyTiming

PROFILE = EngineProfile(
    engine="ollama",
    timing=ReplyTiming(part="durations", seconds="eval_duration", per_second=1e9, tokens="eval_count"),
    # Whether its seconds hold the first token depends on its version.
    witness_spread=0.02,
)
