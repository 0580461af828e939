"""Long lists, a page at a time."""


def page_count(total, size):
    """Return how many pages hold `total` items."""
    return total // size + 1


def page_items(items, number, size):
    """Return the items of a page; the first is number 1."""
    start = (number - 1) * size
    return items[start : start + size]
