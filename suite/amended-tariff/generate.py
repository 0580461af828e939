"""Another tariff, other amendments and other parcels for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, answer, give, json, write

ZONES = "ABCDEF"
old = {
    "base": {zone: 290 + 110 * number + RANDOM.randint(0, 9) * 10 for number, zone in enumerate(ZONES)},
    "step_g": 500,
    "step": RANDOM.randint(5, 9) * 10,
    "free_g": 1000,
    "divisor": 5000,
    "bulky_cm": 120,
    "bulky": RANDOM.randint(30, 50) * 10,
    "express": RANDOM.randint(40, 60),
    "insured": RANDOM.randint(6, 12),
    "insured_least": RANDOM.randint(15, 30) * 10,
    "fragile": RANDOM.randint(10, 20) * 10,
    "trade": RANDOM.randint(5, 12),
    "island": RANDOM.randint(20, 40) * 10,
    "winter": RANDOM.randint(4, 9) * 10,
    "winter_months": [11, 12],
    "evening": RANDOM.randint(20, 35) * 10,
    "round_to": 5,
    "least": RANDOM.randint(36, 44) * 10,
}
new = json.loads(json.dumps(old))
AMENDED = [
    ("divisor", 4000 + RANDOM.randint(1, 8) * 100, "In § 4 the number {old} is replaced by {new}."),
    ("step", old["step"] + RANDOM.randint(1, 3) * 10, "The amount for each begun step of weight (§ 3) is {new} cents from now on."),
    ("bulky_cm", old["bulky_cm"] - RANDOM.randint(1, 4) * 5, "A parcel is bulky from a longest side of more than {new} cm; § 5 is changed accordingly."),
    ("express", old["express"] + RANDOM.randint(3, 9), "The addition of § 6 for express is {new} percent."),
    ("trade", old["trade"] + RANDOM.randint(2, 5), "§ 9: the rebate of customers of trade rises to {new} percent."),
    ("round_to", 10, "§ 12: prices are rounded up to the next {new} cents instead of the next {old}."),
    ("winter_months", [11, 12, 1], "§ 11 holds in January, too."),
    ("free_g", 1500, "§ 3: the first {new} g are free of steps, no longer the first {old} g."),
    ("insured_least", old["insured_least"] + 50, "§ 7: the insurance costs {new} cents at least."),
]
notes = []
for key, value, words in RANDOM.sample(AMENDED, len(AMENDED)):
    notes.append((key, value, words.format(old=new[key], new=value)))
    new[key] = value
# Two are changed once more, and two further ones are announced and withdrawn.
again = RANDOM.choice([("step", new["step"] + 5), ("express", new["express"] - 2)])
numbers = {key: position + 1 for position, (key, _, _) in enumerate(notes)}
notes.append((again[0], again[1], f"The number of amendment {numbers[again[0]]} was never charged: it is {again[1]} in its place."))
new[again[0]] = again[1]
withdrawn = [
    ("fragile", old["fragile"] + 70, f"The addition for fragile parcels (§ 8) is {old['fragile'] + 70} cents."),
    ("least", old["least"] + 120, f"No parcel costs less than {old['least'] + 120} cents (§ 13)."),
]
for key, value, words in withdrawn:
    place = RANDOM.randint(0, len(notes) - 2)
    notes.insert(place, (key, value, words))
# Numbers as they stand in the document; amendments are named by these.
final = [[key, value, words] for key, value, words in notes]
position_of = {}
for position, note in enumerate(final, 1):
    position_of.setdefault(note[0], position)
final[-1][2] = f"The number in amendment {position_of[again[0]]} was never charged: it is {again[1]} in its place."
revoked = [f"Amendment {position_of[key]} is withdrawn as if it had never been made." for key, _, _ in withdrawn]

RULES = [
    ("§ 1 What this is about", "These rules are about parcels. Letters, pallets and returns have rules of their own, which stand between these and mean nothing for parcels."),
    ("§ 2 Base", "The base price depends on the zone:\n\n" + "\n".join(f"- zone {zone}: {cents} cents" for zone, cents in old["base"].items())),
    ("§ 3 Weight", f"The first {old['free_g']} g are free of steps. For each begun step of {old['step_g']} g above that, {old['step']} cents are added to the base; both together are the carriage."),
    ("§ 4 Room", f"Length times width times height in cm, divided by {old['divisor']}, is the weight by room in kg. The greater of it and the real weight counts as the weight in § 3."),
    ("§ 5 Bulky", f"A parcel whose longest side is more than {old['bulky_cm']} cm is bulky: {old['bulky']} cents more."),
    ("§ 6 Express", f"A parcel marked express costs {old['express']} percent of the carriage more."),
    ("§ 7 Insured", f"A parcel marked insured costs {old['insured']} per mille of its value more, {old['insured_least']} cents at least."),
    ("§ 8 Fragile", f"A parcel marked fragile costs {old['fragile']} cents more. A fragile parcel that is bulky costs the addition of this section twice."),
    ("§ 9 Trade", f"Customers of trade get {old['trade']} percent off the carriage; the addition of § 6 is computed on the carriage before that."),
    ("§ 10 Islands", f"Zone F is islands: {old['island']} cents more, but not for express, which flies."),
    ("§ 11 Winter", f"In November and December {old['winter']} cents are added for each parcel, but for customers of trade."),
    ("§ 12 Rounding", f"The sum of all of it is rounded up to the next {old['round_to']} cents, once, at the end. Nothing is rounded before."),
    ("§ 13 Least", f"No parcel costs less than {old['least']} cents. This is looked at after rounding."),
    ("§ 14 Evening", f"Delivery in the evening (marked evening) costs {old['evening']} cents more, and nothing for express."),
]
PLACES = ["the north office", "the depot at the harbour", "the counter", "the board", "the union of shippers", "the printers"]
TOPICS = [
    "Letters of up to {a} g cost {b} cents, and {c} cents abroad; letters are no parcels.",
    "A pallet is charged by the metre of floor: {b} cents for each begun {a} cm, and {c} percent more for cold goods.",
    "Until the year 19{a:02d} parcels were rounded up to {b} cents; this is told for the record and holds no longer.",
    "{place} asked for a divisor of {b}00 in § 4. This was talked about, and not decided.",
    "Example of the old tariff, kept for those who study it: a parcel of {a} kg cost {b} cents, {c} percent of it for express.",
    "Forms are to be kept for {a} years at {place}; copies cost {c} cents a page.",
    "Returns are free where the parcel was insured and came within {a} days; otherwise they cost {b} cents.",
    "{place} may close at noon on {a} days of a year, of which {c} must be told beforehand.",
    "Stamps of {b} cents are no longer printed. Those that are left may be used for letters.",
    "A proposal to raise the addition for bulky parcels to {b} cents was turned down by {place} with {a} votes to {c}.",
]


def filler():
    sentences = []
    for _ in range(RANDOM.randint(4, 8)):
        numbers = {"a": RANDOM.randint(2, 60), "b": RANDOM.randint(11, 99) * 10, "c": RANDOM.randint(2, 40)}
        text = RANDOM.choice(TOPICS).format(place=RANDOM.choice(PLACES), **numbers)
        sentences.append(text[0].upper() + text[1:])
    return " ".join(sentences)


parts, letter = ["# The tariff\n\nLater parts go before earlier ones.\n"], 0
for title, text in RULES:
    parts.append(f"## {title}\n\n{text}\n")
    for _ in range(RANDOM.randint(1, 2)):
        letter += 1
        parts.append(f"## Note {letter}\n\n{filler()}\n")
for position, (_, _, words) in enumerate(final, 1):
    parts.append(f"## Amendment {position}\n\n{words}\n")
    for _ in range(RANDOM.randint(2, 4)):
        letter += 1
        parts.append(f"## Note {letter}\n\n{filler()}\n")
for words in revoked:
    letter += 1
    # Inside a note, as such things are.
    parts.append(f"## Note {letter}\n\n{filler()} {words} {filler()}\n")
    letter += 1
    parts.append(f"## Note {letter}\n\n{filler()}\n")
give("docs/tariff.md", "\n".join(parts))


def thousandths_of(parcel, rule):
    length, width, height = parcel["size_cm"]
    weight = max(parcel["weight_g"], length * width * height * 1000 / rule["divisor"])
    steps = max(0, -int(-(weight - rule["free_g"]) // rule["step_g"]))
    carriage = rule["base"][parcel["zone"]] + steps * rule["step"]
    bulky, marks = max(parcel["size_cm"]) > rule["bulky_cm"], parcel["marks"]
    thousandths = carriage * 1000
    if parcel["kind"] == "trade":
        thousandths -= carriage * rule["trade"] * 10
    if bulky:
        thousandths += rule["bulky"] * 1000
    if "express" in marks:
        thousandths += carriage * rule["express"] * 10
    if "insured" in marks:
        thousandths += max(parcel["value_cents"] * rule["insured"], rule["insured_least"] * 1000)
    if "fragile" in marks:
        thousandths += rule["fragile"] * (2000 if bulky else 1000)
    if parcel["zone"] == "F" and "express" not in marks:
        thousandths += rule["island"] * 1000
    if parcel["month"] in rule["winter_months"] and parcel["kind"] != "trade":
        thousandths += rule["winter"] * 1000
    if "evening" in marks and "express" not in marks:
        thousandths += rule["evening"] * 1000
    return thousandths


def priced(parcel, rule):
    unit = rule["round_to"] * 1000
    return max(rule["least"], -(-thousandths_of(parcel, rule) // unit) * rule["round_to"])


def parcel():
    """One at which no sum stands so close to a step that the last digit of a float would decide."""
    while True:
        made = any_parcel()
        length, width, height = made["size_cm"]
        near = (length * width * height * 1000) % (new["divisor"] * 500) == 0
        if not near and thousandths_of(made, new) % (new["round_to"] * 1000):
            return made


def any_parcel():
    longest = RANDOM.choice([new["bulky_cm"], new["bulky_cm"] + 1, old["bulky_cm"], 30, 40, 60])
    return {
        "weight_g": RANDOM.choice([200, 1000, 1001, 1500, 1501, 2000, 2750, 9000, RANDOM.randint(1, 20000)]),
        "size_cm": RANDOM.sample([longest, RANDOM.randint(2, 40), RANDOM.randint(1, 30)], 3),
        "zone": RANDOM.choice(ZONES),
        "kind": RANDOM.choice(["private", "trade"]),
        "month": RANDOM.randint(1, 12),
        "value_cents": RANDOM.choice([0, 5000, 20000, RANDOM.randint(1, 90000)]),
        "marks": RANDOM.sample(["express", "fragile", "insured", "evening"], RANDOM.randint(0, 3)),
    }


cheap = {"weight_g": 100, "size_cm": [9, 9, 1], "zone": "A", "kind": "trade", "month": 6, "value_cents": 0, "marks": []}
parcels = [cheap, {**cheap, "kind": "private"}, *(parcel() for _ in range(160))]
answer([[given, priced(given, new)] for given in parcels])


def code(rule, layout=1):
    return f"""\"\"\"The price of a parcel.\"\"\"

RULES = {json.dumps(rule, indent=4 if layout else None)}


def price(parcel):
    \"\"\"In cents, by docs/tariff.md.\"\"\"
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
"""


def script(rule, layout=1):
    return '#!/bin/bash\ncd "${APP_DIR:-/app}" || exit 1\ncat > tariff/price.py <<\'END\'\n' + code(rule, layout) + "END\n"


write("solution/solve.sh", script(new))
write("solution/variants/one-line-of-rules.sh", script(new, 0))
for name, rule in {
    "as-first-written": old,
    "withdrawn-fragile": {**new, "fragile": withdrawn[0][1]},
    "withdrawn-least": {**new, "least": withdrawn[1][1]},
    "amended-once": {**new, again[0]: next(value for key, value, _ in final if key == again[0])},
    "old-divisor": {**new, "divisor": old["divisor"]},
    "no-january": {**new, "winter_months": old["winter_months"]},
}.items():
    write(f"solution/wrong/{name}.sh", script(rule))
