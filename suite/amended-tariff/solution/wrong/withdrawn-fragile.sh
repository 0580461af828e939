#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > tariff/price.py <<'END'
"""The price of a parcel."""

RULES = {
    "base": {
        "A": 350,
        "B": 460,
        "C": 510,
        "D": 660,
        "E": 810,
        "F": 910
    },
    "step_g": 500,
    "step": 100,
    "free_g": 1500,
    "divisor": 4300,
    "bulky_cm": 115,
    "bulky": 390,
    "express": 61,
    "insured": 8,
    "insured_least": 260,
    "fragile": 250,
    "trade": 9,
    "island": 290,
    "winter": 50,
    "winter_months": [
        11,
        12,
        1
    ],
    "evening": 230,
    "round_to": 10,
    "least": 400
}


def price(parcel):
    """In cents, by docs/tariff.md."""
    rule, marks, express = RULES, parcel["marks"], "express" in parcel["marks"]
    length, width, height = parcel["size_cm"]
    weight = max(parcel["weight_g"], length * width * height * 1000 / rule["divisor"])
    steps = max(0, -int(-(weight - rule["free_g"]) // rule["step_g"]))
    carriage = rule["base"][parcel["zone"]] + steps * rule["step"]
    bulky, trade = max(parcel["size_cm"]) > rule["bulky_cm"], parcel["kind"] == "trade"
    thousandths = carriage * (1000 - 10 * rule["trade"] * trade + 10 * rule["express"] * express)
    thousandths += 1000 * rule["bulky"] * bulky
    if "insured" in marks:
        thousandths += max(parcel["value_cents"] * rule["insured"], 1000 * rule["insured_least"])
    if "fragile" in marks:
        thousandths += 1000 * rule["fragile"] * (1 + bulky)
    if parcel["zone"] == "F" and not express:
        thousandths += 1000 * rule["island"]
    if parcel["month"] in rule["winter_months"] and not trade:
        thousandths += 1000 * rule["winter"]
    if "evening" in marks and not express:
        thousandths += 1000 * rule["evening"]
    rounded = -(-thousandths // (1000 * rule["round_to"])) * rule["round_to"]
    return max(rule["least"], rounded)
END
