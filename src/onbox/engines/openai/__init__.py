"""A server that runs already and speaks OpenAI's API, whichever engine it is."""
