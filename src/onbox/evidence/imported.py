"""Records of an imported folder: what files of other tools say, in one form and with nothing added."""

from pydantic import Field

from onbox.evidence.records import Record


class ImportedFile(Record):
    """One file, kept byte for byte under `original/`."""

    name: str
    bytes: int
    sha256: str


class ImportHead(Record):
    """`import.json`, written last but for the manifest."""

    kind: str
    """Which importer read it, by its name."""
    imported_at: str
    onbox_version: str
    files: tuple[ImportedFile, ...]


class ImportedNumber(Record):
    """One number under the name and in the unit of its tool."""

    name: str
    value: float
    """A mean, where the tool has several of the same."""
    unit: str
    median: float | None = None
    std: float | None = None
    """Standard deviation, as the tool has it."""


class ImportedCell(Record):
    """One measurement of another tool, a line of `cells.jsonl`; None is what the file does not say."""

    file: str
    tool: str
    label: str = ""
    """What sets this cell apart from the others of its file, such as `tg128 @ d4096 (c5)`."""
    version: str | None = None
    model: str | None = None
    backend: str | None = None
    concurrency: int | None = None
    """Requests at a time, as it was asked; None: no bound, or one that is no number of requests at a time."""
    ran_concurrency: float | None = None
    """The mean that was under way, where the tool measures it."""
    depth_tokens: int | None = None
    prompt_tokens: int | None = None
    """Of each request, as it was asked."""
    output_tokens: int | None = None
    """Of each request, as it was asked."""
    requests: int | None = None
    failed: int | None = None
    numbers: tuple[ImportedNumber, ...] = ()

    def number(self, name: str) -> float | None:
        """The number of this name; None when the file has none."""
        return next((number.value for number in self.numbers if number.name == name), None)


class ImportedRun(Record):
    """One run of an agent on a task, a line of `runs.jsonl`, under the names of agent-bench; None is what is not told.

    The last six are what a row of agent-bench would need to be audited; it has none of them.
    """

    tool: str = "agent-bench"
    file: str = ""
    ts: str | float | None = None
    experiment: str | None = None
    task: str
    model: str
    arm: str
    trial: int | None = None
    exitCode: int | None = None  # noqa: N815
    toolCalls: int | None = None  # noqa: N815
    toolNames: tuple[str, ...] | None = None  # noqa: N815
    tokensIn: int | None = None  # noqa: N815
    tokensOut: int | None = None  # noqa: N815
    tokensTotal: int | None = None  # noqa: N815
    wallMs: float | None = None  # noqa: N815
    errors: int | tuple[str, ...] | None = None
    """What went wrong on the way, in the agent's words; a number where only that was kept."""
    success: bool | None
    """None: no gate said anything."""
    rewards: dict[str, float] = Field(default_factory=dict)
    """As the gate wrote them, partial ones too; empty where the tool has none."""
    reward_min: dict[str, float] = Field(default_factory=dict)
    """What each reward that was judged had to reach for a success."""
    gate: str | None = None
    filesChanged: int | None = None  # noqa: N815
    linesChanged: int | None = None  # noqa: N815
    regressionOk: bool | None = None  # noqa: N815
    lintClean: bool | None = None  # noqa: N815
    outputChars: int | None = None  # noqa: N815
    transcript_sha256: str | None = None
    failure_class: str | None = None
    gate_version: str | None = None
    gate_selftest: bool | None = None
    seed: int | None = None
    engine_launch_id: str | None = None
