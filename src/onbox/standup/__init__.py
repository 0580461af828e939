"""From the decision to start an engine to its first token, and from the decision to stop it to proof that it is gone."""
