"""Print the path of a builtin recipe's weights, fetched if they are not here yet: `weights_of.py smollm2-135m`."""

import sys

from onbox import recipes
from onbox.fetch import pinned

if __name__ == "__main__":
    weights = recipes.load(sys.argv[1]).weights
    assert weights is not None
    print(pinned.fetch(weights, lambda done, total, source: None)[0])
