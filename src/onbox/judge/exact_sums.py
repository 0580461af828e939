"""How a sum of independent draws is spread, in whole numbers: no float decides, so every machine gets the same.

Polynomials are packed into one big integer each (Kronecker substitution), so that a convolution is one multiplication.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

PRECISION_BITS = 128
"""Of a probability in fixed point: what is below 3e-39 is lost, and counted as an error."""
_TIE = Fraction(10_000_001, 10_000_000)
"""Two probabilities in fixed point that differ by less are equal; exact ones need no such thing."""

Stratum = tuple[int, int, int]
"""(A's runs, B's runs, passes of both): what a task is known by once its runs are relabelled."""


def hypergeometric(stratum: Stratum) -> tuple[int, list[int]]:
    """(least passes of A, ways of each number of passes from there on)."""
    a_n, b_n, passed = stratum
    least, most = max(0, passed - b_n), min(a_n, passed)
    rest = a_n + b_n - passed
    return least, [math.comb(passed, k) * math.comb(rest, a_n - k) for k in range(least, most + 1)]


def exact_sum(strata: Mapping[Stratum, int]) -> tuple[int, list[int]]:
    """(least sum of A's passes, ways of each sum from there on), without any rounding."""
    least, ways = 0, [1]
    for stratum, times in strata.items():
        low, each = hypergeometric(stratum)
        least += low * times
        ways = _times(ways, _power(each, times))
    return least, ways


def work_of_exact(strata: Mapping[Stratum, int]) -> int:
    """Bits of all that `exact_sum` would hold at its end."""
    width, bits = 1, 1
    for stratum, times in strata.items():
        _, each = hypergeometric(stratum)
        width += (len(each) - 1) * times
        bits += sum(each).bit_length() * times
    return width * bits


def fixed_point_sum(parts: Iterable[tuple[int, list[int], int]]) -> tuple[int, list[int], int]:
    """The spread of a sum in probabilities of `PRECISION_BITS` bits, each rounded down; and the most that was lost.

    Args:
        parts: (least value, ways of each value from there on, how many such draws there are).

    Returns:
        (least sum, probability of each sum from there on in units of 2^-PRECISION_BITS, units lost over all sums).
    """
    open_ones = []
    for low, each, times in parts:
        total = sum(each)
        open_ones.append(_fixed_power((low, [(count << PRECISION_BITS) // total for count in each]), times))
    while len(open_ones) > 1:
        pairs = [open_ones[at : at + 2] for at in range(0, len(open_ones), 2)]
        open_ones = [_fixed_times(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    low, found = open_ones[0] if open_ones else (0, [1 << PRECISION_BITS])
    return low, found, max(0, (1 << PRECISION_BITS) - sum(found))


def two_sided(strata: Counter[Stratum], observed: int, exact_below: int) -> float:
    """Chance of a sum that is no likelier than the one seen (as in Fisher's test), never below its true value.

    Args:
        strata: how often each occurs.
        observed: the sum of A's passes.
        exact_below: bits of work up to which no probability is rounded.
    """
    if work_of_exact(strata) <= exact_below:
        least, ways = exact_sum(strata)
        limit: int | Fraction = ways[observed - least]
        return float(Fraction(sum(count for count in ways if count <= limit), sum(ways)))
    least, found, lost = fixed_point_sum((*hypergeometric(stratum), times) for stratum, times in strata.items())
    at = observed - least
    limit = (found[at] if 0 <= at < len(found) else 0) * _TIE
    units = sum(each for each in found if each <= limit) + lost
    return min(1.0, float(Fraction(units, 1 << PRECISION_BITS)))


def at_least(parts: Sequence[tuple[int, list[int]]], least_sum: int) -> float:
    """Chance of a sum of at least `least_sum`, never below its true value.

    Args:
        parts: (least value, ways of each value from there on) of each independent draw.
        least_sum: of the sum.
    """
    least, found, lost = fixed_point_sum((low, ways, 1) for low, ways in parts)
    units = sum(each for value, each in enumerate(found, least) if value >= least_sum) + lost
    return min(1.0, float(Fraction(units, 1 << PRECISION_BITS)))


def subsets_up_to(values: Sequence[int], most: int, bits_max: int, halves_max: int) -> int:
    """How many subsets of the values have a sum of at most `most`; never fewer than there are.

    Exact while the sums fit into `bits_max` bits or the values into two halves of `halves_max`; else the values are
    rounded down to a grid, which can only let more subsets in.
    """
    if most < 0:
        return 0
    field = len(values) + 1
    divisor = math.gcd(*values)
    values, most = [value // divisor for value in values], most // divisor
    if (most + 1) * field > bits_max:
        if len(values) <= 2 * halves_max:
            return _meet_in_the_middle(values, most)
        unit = -(-(most + 1) * field // bits_max)
        values, most = [value // unit for value in values], most // unit
    packed, mask = 1, (1 << (most + 1) * field) - 1
    for value in sorted(values):
        if value <= most:
            packed = (packed + (packed << value * field)) & mask
    # The sum of the digits in base b is the number modulo b - 1; 2^len(values) subsets are fewer than that.
    return packed % ((1 << field) - 1)


def _meet_in_the_middle(values: Sequence[int], most: int) -> int:
    left, right = _sums(values[::2]), _sums(values[1::2])
    count, end = 0, len(right)
    for low in left:
        while end and low + right[end - 1] > most:
            end -= 1
        count += end
    return count


def _sums(values: Sequence[int]) -> list[int]:
    found = [0]
    for value in values:
        found = sorted(found + [each + value for each in found])
    return found


def _times(a: list[int], b: list[int]) -> list[int]:
    """Product of two polynomials with whole coefficients of any size."""
    if len(a) == 1 or len(b) == 1:
        short, long = (a, b) if len(a) == 1 else (b, a)
        return [short[0] * each for each in long]
    size = (max(a).bit_length() + max(b).bit_length() + min(len(a), len(b)).bit_length()) // 8 + 1
    return _unpack(_pack(a, size) * _pack(b, size), size, len(a) + len(b) - 1)


def _pack(values: Sequence[int], size: int) -> int:
    return int.from_bytes(b"".join(value.to_bytes(size, "little") for value in values), "little")


def _unpack(packed: int, size: int, length: int) -> list[int]:
    raw = packed.to_bytes(size * length, "little")
    return [int.from_bytes(raw[at : at + size], "little") for at in range(0, size * length, size)]


def _power(base: list[int], times: int) -> list[int]:
    found = [1]
    while times:
        if times & 1:
            found = _times(found, base)
        times >>= 1
        base = _times(base, base) if times else base
    return found


def _fixed_times(a: tuple[int, list[int]], b: tuple[int, list[int]]) -> tuple[int, list[int]]:
    found = [each >> PRECISION_BITS for each in _times(a[1], b[1])]
    first = next((at for at, each in enumerate(found) if each), len(found) - 1)
    last = next((at for at in range(len(found) - 1, -1, -1) if found[at]), first)
    return a[0] + b[0] + first, found[first : last + 1]


def _fixed_power(base: tuple[int, list[int]], times: int) -> tuple[int, list[int]]:
    found = (0, [1 << PRECISION_BITS])
    while times:
        if times & 1:
            found = _fixed_times(found, base)
        times >>= 1
        base = _fixed_times(base, base) if times else base
    return found
