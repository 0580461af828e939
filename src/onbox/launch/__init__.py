"""From the decision to start an engine to its first token, from the stop to the proof that it is gone."""
