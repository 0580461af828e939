"""What the page shows before checkout."""


def preview(price, percent):
    from shop.pricing import apply_discount

    return {"before": price, "after": apply_discount(price, percent)}
