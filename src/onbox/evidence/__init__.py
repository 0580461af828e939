"""Raw records from which every number is recomputed: the only thing that passes between act and judge.

`records` says what is written, `folder` writes it so that a kill loses nothing that was complete. Nothing here knows
what a good number is.
"""
