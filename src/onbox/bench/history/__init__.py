"""Tasks made of a repository's own commits: those that came with tests which fail before and pass after.

Nothing of the repository runs in this process. Its objects are read by git with a configuration of our own
(`repository.py`), and its tests run in the sandbox (`observe.py`).
"""
