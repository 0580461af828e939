"""The main job: contenders one after the other, each stood up, measured, put to work and stopped.

`plan` freezes what will be done, `run` does it and can go on after any interruption, `events` is what it tells.
"""
