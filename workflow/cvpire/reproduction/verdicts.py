"""When a number of ours is said to be the thesis's: the rule, and its words."""

from decimal import Decimal
from enum import StrEnum


class Verdict(StrEnum):
    """How ours stands to what is printed."""

    EQUAL = "equal"
    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"


RULE = {
    Verdict.EQUAL: "ours differs from the printed number by no more than the rounding of the printed digits: half a "
    "unit of the last one.",
    Verdict.AGREES: "it is not equal, and the printed number lies in our 95 % interval (BCa bootstrap over landmarks, "
    "its ends included). The interval says what other landmarks might give, while the thesis has the same ones: to "
    "agree means that the difference is small beside that, not that there is none. Of 11 landmarks such an interval "
    "covers some 84 %, not 95 %, so a number just outside is weak evidence.",
    Verdict.DIFFERS: "it is neither. A single photo, a random ranking and what follows by arithmetic have no interval: "
    "they are equal or differ. An attack that sums in another order moves the AP of a photo by some 5 points, so a "
    "single photo that differs says little.",
    Verdict.NOT_COMPARED: "the run does not hold that number, or made it otherwise; the reason is given.",
}
"""What each verdict means. It is found from the digits that the page shows, so that a reader can check it."""


def verdict(printed: str, ours: str, interval: tuple[str, str] | None = None) -> Verdict:
    """Compare a printed number with ours.

    Parameters
    ----------
    printed : str
        As the thesis prints it; its last digit says how it was rounded.
    ours : str
        As the page shows it: with at least as many decimals.
    interval : (str, str), optional
        Ends of the 95 % interval of ours, as the page shows them.

    Returns
    -------
    Verdict
        Equal, agrees or differs, by `RULE`. The arithmetic is decimal, so that borders are exact.
    """
    number = Decimal(printed)
    half_a_unit = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
    if abs(Decimal(ours) - number) <= half_a_unit:
        return Verdict.EQUAL
    if interval and Decimal(interval[0]) <= number <= Decimal(interval[1]):
        return Verdict.AGREES
    return Verdict.DIFFERS
