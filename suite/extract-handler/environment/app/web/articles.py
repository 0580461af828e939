"""A page of articles."""


def list_articles(items, query):
    try:
        size = int(query.get("size", 20))
    except ValueError:
        size = 20
    size = max(1, min(size, 100))
    try:
        page = max(1, int(query.get("page", 1)))
    except ValueError:
        page = 1
    text = query.get("q", "").strip().lower()
    found = [item for item in items if text in item["title"].lower()]
    found = sorted(found, key=lambda item: item["title"], reverse=query.get("order") == "down")
    begin = (page - 1) * size
    return {
        "items": found[begin : begin + size],
        "page": page,
        "pages": max(1, -(-len(found) // size)),
        "total": len(found),
    }
