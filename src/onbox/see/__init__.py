"""Can a served model see? Pictures that nobody can guess, questions about them, and what is known of why not.

Nothing here judges: the answers and the facts are evidence, and `onbox.judge.sight` says what they mean.
"""
