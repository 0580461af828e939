"""Every number that a check compares with, in one place; those of the rate itself are in `evidence/decode_rate.py`.

Sources: the default protocols of MLPerf LoadGen, InferenceX and the engines' own guides where they exist; where they
do not, the value and its reason stand beside it.
"""


# ---------------------------------------------------------------- speed

IDLE_SCRAPES_MIN = 3
"""Fewer looks than this do not show that nobody else was being served."""

TOKEN_RESIDUAL_MAX = 0
"""Conservation: the server's counters moved by exactly what our requests account for."""

OUTPUT_LENGTH_MIN = 0.95
"""Share of the asked tokens: a short run measures something else."""

BURSTS_MIN = 8
"""Fewer arrivals than this hold no rate: the first carries tokens but no interval."""

COALESCED_BELOW = 0.5
"""Bursts per chunk: below it something between server and client held the tokens back."""

READER_WAIT_SHARE = 0.5
"""Of a request's time: where the thread that reads waited longer for a processor, it may have held the tokens back."""

WITNESS_SPREAD = 0.01
"""Between independent ways to the rate; the profile of an engine whose own numbers are coarse has another."""

FOREIGN_CPU_WARN = 0.05
FOREIGN_CPU_FAIL = 0.20
"""Share of all cores used by neither the engine nor onbox: a twentieth is noise, a fifth is not."""

MOMENTS_HZ_MIN = 5.0
"""Looks a second at the box; fewer do not show what happened between them."""

MOMENT_GAP_MAX_S = 3.0
"""InferenceX calls a longer silence of the sampler a gap."""

CLIENT_CPU_MAX = 0.80
"""Of one core: a client that needs more may be what sets the pace."""

ASLEEP_MAX_NS = 10_000_000
STEAL_MAX = 0.01
MEMORY_STALL_MAX = 0.01
"""Share of the window."""

GPU_CLOCK_MIN = 0.75
"""Median of the clock under load over its maximum; NVBench's own limit."""

GPU_THROTTLE_MAX = 0.01
GPU_SLOWED = frozenset({"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown"})
"""Reasons that are no choice of the owner's; a power limit is one."""

SELFTEST_ERROR_PCT = 1.0
"""How far a rate may be from the truth, where the truth is known."""

ALL_ACTIVE_MIN = 0.5
"""Share of the time of requests that were made together in which all of them are served."""

WARM_UP_SPREAD = 0.01
WARM_UP_OVER = 3
"""Warm-up is over when so many requests in a row have so small a coefficient of variation."""

KIND_APART = 0.10
"""Requests that are nearer to the others are of their kind, however evenly these agree."""
KIND_FALSE = 0.01
"""How often requests of one kind may be said to be of two."""
KIND_KNOWN = 10
"""Met so often, a kind of request has a share that is known, and the scatter of all tells how well."""

BOUNDED_MAX = 0.10
"""Drift, scatter, lag and what is left of a warm-up are lines of the stated uncertainty up to here; a rate that moves
by more than a tenth while it is measured is not one number."""

TEMPLATE_PREFIX_TOKENS = 128
"""The longest start that prompts may share through the chat template (gpt-oss: about 70)."""

PREFIX_CACHE_EXCESS_TOKENS = 8
"""Cached prompt tokens beyond the shared start; a few may agree by chance."""

PREFIX_CACHE_SHARE = 0.01
"""Share of the prompt tokens that the server's counters may lay to the cache."""

PREEMPTIONS_MAX = 0

CLAIM_REQUESTS_MIN = 10
"""A published mean of fewer requests is said to be one of few."""

IMPORTED_TOK_S_MAX = 100_000
"""Of one stream, in another tool's file: a token each ten microseconds is more than any engine has."""

SAME_CONTEXT_TOKENS = 64
SAME_CONTEXT_SHARE = 0.10
"""Contexts that are no further apart count as the same: so much is read in addition to gigabytes of weights."""

# ---------------------------------------------------------------- runs

RATE_SHARE_MIN = 0.5
"""A run that met its time limit counts against the model only if the server decoded at least this share of its usual
rate: a long context halves a rate, a busy neighbour does worse."""

# ---------------------------------------------------------------- verdict

P_MAX = 0.05
HARNESS_FAULTS_MAX = 2
"""Runs that a fault of onbox itself ended: once is a warning, twice marks the trial."""
COVERAGE_MIN = 0.80
"""Share of the plan's runs that must be valid before anything is concluded."""

REPEATS_MAX = 0.05
"""Share of valid runs that repeat another word for word: a twentieth changes no test by much."""

POWER = 0.80
RUNS_A_TASK_MAX = 100
"""More runs than this are not worth advising."""
