"""Other customers for each seed, and what becomes of them."""

import datetime
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, answer, give, json, write

FIRST = ["Ada", "Bo", "Chen", "Dov", "Eve", "Fay", "Gil", "Hana", "Ivo", "Jun", "Kim", "Lea"]
LAST = ["Ash", "Berg", "Cole", "Diaz", "Eck", "Fox", "Gray", "Holm", "Ito", "Jansen; Sons", 'Kern "K"', "Lund"]
SUBJECTS = ["asks for an invoice", "called twice", "wants no mail", "moved house", "likes blue", "pays late"]

ids = RANDOM.sample(range(1, 900), 120)
people, rows = {}, []
for number in ids:
    day = datetime.date(2009, 1, 1) + datetime.timedelta(RANDOM.randint(0, 5000))
    country = RANDOM.choice(["de", "FR", "UK", "uk", "us", ""])
    space = RANDOM.choice(["", " ", "  "])
    name = f"{RANDOM.choice(FIRST)} {RANDOM.choice(LAST)}"
    people[number] = {
        "name": name,
        "country": {"UK": "GB", "": None}.get(country.upper(), country.upper()),
        "since": day.isoformat(),
        "orders": 0,
        "spent_cents": 0,
        "notes": [],
        "merged": [],
    }
    noon = datetime.datetime(day.year, day.month, day.day, 12, tzinfo=datetime.timezone.utc)
    said = RANDOM.choice([day.strftime("%d.%m.%Y"), day.strftime("%Y/%m/%d"), str(int(noon.timestamp()))])
    rows.append([f"{number:03d}", space + name.replace(" ", " " + space, 1) + space, country, said, ""])
same_as = {}
for position in RANDOM.sample(range(40, 120), 24):
    # An earlier one, so that there is no circle; that one may be another's double.
    target = RANDOM.randrange(0, position)
    same_as[ids[position]] = ids[target]
    rows[position][4] = str(ids[target])


def last_of(number):
    while number in same_as:
        number = same_as[number]
    return number


def field(text):
    return '"' + text.replace('"', '""') + '"' if set(text) & set(';"') else text


RANDOM.shuffle(rows)
give("old/customers.csv", "id;name;country;since;same_as\n" + "".join(";".join(map(field, row)) + "\n" for row in rows))
orders, lines = {}, []
for number in range(1, 320):
    owner = RANDOM.choice([*ids, 950, 951])
    for _ in range(RANDOM.choice([1, 1, 1, 2, 3])):
        cents = RANDOM.randint(1, 99) * 50
        state = RANDOM.choice(["paid", "shipped", "open", "cancelled"])
        shown = cents if RANDOM.random() < 0.6 else f"{cents // 100}.{cents % 100:02d}"
        text = json.dumps({"order": number, "customer": f"{owner:0{RANDOM.choice([1, 3, 5])}d}", "cents": shown, "state": state})
        lines.append((number, text, owner, cents, state))
RANDOM.shuffle(lines)
for number, _, owner, cents, state in lines:
    orders[number] = (owner, cents, state)
give("old/orders.jsonl", "".join(line[1] + "\n" for line in lines))
notes = []
for _ in range(60):
    owner = RANDOM.choice([*ids, 950])
    text = RANDOM.choice(["", "{}", "{}\n\n{}", "{}\n##\n{}"]).format(*RANDOM.sample(SUBJECTS, 2))
    notes.append((owner, text))
give("old/notes.txt", "".join(f"#{owner}\n{text}\n" for owner, text in notes))


def migrated(*, merge=True, last_line=True, euros=True, hashes=True, drop_empty=True):
    done = json.loads(json.dumps(people))
    done = {int(number): value for number, value in done.items()}
    counted = orders if last_line else {**{line[0]: line[2:] for line in reversed(lines)}}
    for owner, cents, state in counted.values():
        owner = last_of(owner) if merge else owner
        if owner in done and state in ("paid", "shipped"):
            done[owner]["orders"] += 1
            done[owner]["spent_cents"] += cents if euros else cents // 100
    for owner, text in notes:
        owner = last_of(owner) if merge else owner
        if owner in done and (text or not drop_empty):
            done[owner]["notes"].append(text.replace("\n##\n", "\n#\n") if hashes else text)
    if merge:
        for number in same_as:
            kept, gone = done[last_of(number)], done.pop(number)
            kept["merged"] = sorted([*kept["merged"], number])
            kept["since"] = min(kept["since"], gone["since"])
    return {str(number): value for number, value in done.items()}


right = migrated()
answer(right)
begin = '#!/bin/bash\ncd "${APP_DIR:-/app}" || exit 1\ncat > customers.json <<\'END\'\n'


def script(value, indent=None):
    return begin + json.dumps(value, indent=indent) + "\nEND\n"


write("solution/solve.sh", script(right, indent=1))
write("solution/variants/one-line.sh", script(right))
for name, value in {
    "not-merged": migrated(merge=False),
    "first-line-of-an-order": migrated(last_line=False),
    "euros-as-cents": migrated(euros=False),
    "hashes-kept": migrated(hashes=False),
    "empty-notes": migrated(drop_empty=False),
}.items():
    assert value != right, name
    write(f"solution/wrong/{name}.sh", script(value))
