"""Ollama: a GGUF file put into a store of its own and served."""
