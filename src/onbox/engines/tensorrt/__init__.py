"""TensorRT-LLM's server: onbox does not start it, and knows one that runs by its counters."""
