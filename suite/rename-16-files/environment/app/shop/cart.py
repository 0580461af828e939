"""What a customer wants to buy."""

from shop.pricing import apply_discount, list_price


class Cart:
    def __init__(self, articles, percent=0):
        self.articles = list(articles)
        self.percent = percent

    def total(self):
        return sum(apply_discount(list_price(article), self.percent) for article in self.articles)
