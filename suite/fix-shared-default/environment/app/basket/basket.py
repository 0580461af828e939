"""What a customer carries."""

from basket.prices import price


class Basket:
    def __init__(self, articles=[]):
        self.articles = articles

    def add(self, article):
        self.articles.append(article)
        return self

    def total(self):
        return sum(price(article) for article in self.articles)
