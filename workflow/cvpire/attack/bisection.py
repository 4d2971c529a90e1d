"""Where something begins to hold as a number grows."""

from collections.abc import Callable


def crossing(low: float, high: float, steps: int, holds: Callable[[float], bool]) -> tuple[float, float]:
    """Bisect an interval for where a condition begins to hold.

    Where it comes and goes, one of the places where it begins is found.

    Parameters
    ----------
    low, high : float
        The condition is known not to hold at the one, and to hold at the other.
    steps : int
        How often the middle of what is left is asked.
    holds : callable
        The condition.

    Returns
    -------
    (float, float)
        The interval, (high - low) / 2**steps wide: the condition holds at its upper end, and not at its lower one.

    Examples
    --------
    >>> crossing(0, 8, 3, lambda value: value >= 4.5)
    (4.0, 5.0)
    """
    low, high = float(low), float(high)
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return low, high
