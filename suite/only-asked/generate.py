"""Other values and names for each seed, and what comes of them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, answer, words, write

start, step = RANDOM.randint(3, 9), RANDOM.randint(2, 7)
values = [RANDOM.randint(2, 30) for _ in range(4)]
chosen = words({"score": ["points", "rating", "grade", "mark"], "rounds": ["games", "matches", "trials"]})
for root in ("environment/app", "tests/original"):
    for path in sorted(Path(root).glob("*.py")):
        path.write_text(path.read_text().replace("START = 5", f"START = {start}").replace("STEP = 3", f"STEP = {step}"))
path = Path("instruction.md")
path.write_text(path.read_text().replace("[4, 9, 2]", str(values)))

total = start
for value in values:
    total = total + value if value % 2 == 0 else total - step
right = str(total)
answer({"result": right})
begin = '#!/bin/bash\nmkdir -p "${LOGS_DIR:-/logs}/agent"\ncat > "${LOGS_DIR:-/logs}/agent/reply.md" <<\'END\'\n'
write("solution/solve.sh", begin + f"result: {right}\nEND\n")
write(
    "solution/variants/explained.md",
    f"Odd values take away {step}, even ones add themselves.\n\n**Result:** {right}.\n",
)
write("solution/wrong/all-added.md", f"result: {start + sum(values) + 1}\n")
write("solution/wrong/start-forgotten.md", f"result: {total - start}\n")
write("solution/wrong/two-answers.md", f"result: {right}\nresult: {total + 1}\n")
write("solution/wrong/prose.md", f"It returns {right}, I think.\n")
fix = 'sed -i "/TODO/d" "$APP_DIR"/*.py\n'
write(
    "solution/wrong/file-changed.sh",
    (begin + f"result: {right}\nEND\n").replace(
        "#!/bin/bash\n", "#!/bin/bash\n# The answer is right, but a file was tidied that nobody asked about.\n" + fix
    ),
)
