"""Other people for each seed, and how they should be written."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, answer, give_json, json, write

FIRST = ["Ada", "Bob", "Eve", "Kim", "Max", "Zoe", "Ian", "Liv"]
LAST = ["Stone", "Rivers", "Field", "Woods", "Marsh", "Hill", "Lake"]

raw, people = [], []
for number in RANDOM.sample(range(100, 1000), RANDOM.randint(6, 9)):
    first, last = RANDOM.choice(FIRST), RANDOM.choice(LAST)
    year, city = RANDOM.randint(1950, 2005), RANDOM.choice(["Bonn", "Graz", "Bern", None])
    mail = f"{first}.{last}{number}@Example.org"
    row = {"ID": f"#{number}", "full_name": f"{last}, {first}", "born": str(year), "mail": mail}
    row |= {"city": city} if city or RANDOM.random() < 0.5 else {}
    raw.append(row)
    people.append({"id": number, "name": f"{first} {last}", "born": year, "email": mail.lower(), "city": city})
people.sort(key=lambda person: person["id"])

give_json("raw.json", raw)
answer({"people": people})
script = '#!/bin/bash\ncd "${APP_DIR:-/app}" || exit 1\n'


def leaves(name, value, **form):
    write(name, script + "cat > people.json <<'END'\n" + json.dumps(value, **form) + "\nEND\n")


leaves("solution/solve.sh", {"people": people}, indent=2)
leaves("solution/variants/one-line.sh", {"people": [dict(reversed(person.items())) for person in people]})
leaves("solution/wrong/not-sorted.sh", {"people": sorted(people, key=lambda person: person["name"], reverse=True)})
leaves("solution/wrong/a-list.sh", people)
leaves("solution/wrong/text-for-number.sh", {"people": [person | {"id": str(person["id"])} for person in people]})
leaves(
    "solution/wrong/mail-as-it-was.sh",
    {"people": [p | {"email": r["mail"]} for p, r in zip(people, sorted(raw, key=lambda r: r["ID"]))]},
)
leaves("solution/wrong/one-missing.sh", {"people": people[:-1]})
leaves("solution/wrong/city-left-out.sh", {"people": [{k: v for k, v in p.items() if k != "city"} for p in people]})
