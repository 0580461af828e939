"""The programs whose source says what the keys of a file mean; this room names them here alone."""

GGUF_READER = "llama.cpp"
"""The program that defines GGUF (November 2026)."""
GGUF_MODELS = f"{GGUF_READER}, models"
CONFIG_CLASSES = "transformers 5.24"
CONFIG_READER = "vLLM 0.33"
"""For what configuration classes leave to whoever serves a model."""
