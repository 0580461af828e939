"""What a page shows."""

from shelf.pages import page_count, page_items


def listing(items, number, size=3):
    shown = ", ".join(page_items(items, number, size))
    return f"page {number} of {page_count(len(items), size)}: {shown}"
