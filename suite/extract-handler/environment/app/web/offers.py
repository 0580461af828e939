"""A page of offers."""


def list_offers(items, query):
    try:
        size = int(query.get("size", 25))
    except ValueError:
        size = 25
    size = max(1, min(size, 25))
    try:
        page = max(1, int(query.get("page", 1)))
    except ValueError:
        page = 1
    text = query.get("q", "").strip().lower()
    found = [item for item in items if text in item["title"].lower() and item.get("open", True)]
    found = sorted(found, key=lambda item: item["title"], reverse=query.get("order") == "down")
    begin = (page - 1) * size
    return {
        "items": found[begin : begin + size],
        "page": page,
        "pages": max(1, -(-len(found) // size)),
        "total": len(found),
    }
