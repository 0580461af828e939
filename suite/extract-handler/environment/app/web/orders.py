"""A page of orders."""


def list_orders(items, query):
    try:
        size = int(query.get("size", 10))
    except ValueError:
        size = 10
    size = max(1, min(size, 50))
    try:
        page = max(1, int(query.get("page", 1)))
    except ValueError:
        page = 1
    text = query.get("q", "").strip().lower()
    found = [item for item in items if text in item["number"].lower()]
    found = sorted(found, key=lambda item: item["number"], reverse=query.get("order") == "down")
    begin = (page - 1) * size
    return {
        "items": found[begin : begin + size],
        "page": page,
        "pages": max(1, -(-len(found) // size)),
        "total": len(found),
    }
