"""Progress or hang: what everything that works for a stand-up does, second by second, and what that means.

`collect` looks and makes samples, `recording` keeps them, `signs` and `classify` say what they mean. A recording that
is replayed goes through the same code as a live look. Nothing here kills anything.
"""
