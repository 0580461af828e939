"""Ask for a price at the prompt."""

import sys

from shop.pricing import apply_discount, list_price


def main(arguments):
    article, percent = arguments
    return str(apply_discount(list_price(article), int(percent)))


if __name__ == "__main__":
    print(main(sys.argv[1:]))
