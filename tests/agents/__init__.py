"""Agents of others, for real, with a script in the place of the model."""
