"""Fonts for letters that the figures' own font lacks: names in Chinese, Japanese, Korean and other scripts."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager, get_font
from matplotlib.text import Text

_PREFERRED = (
    "Noto Sans CJK",
    "Noto Sans",
    "Source Han Sans",
    "WenQuanYi",
    "Droid Sans Fallback",
    "Hiragino",
    "PingFang",
)
"""Beginnings of families that look well beside the figures' own font; of others, the first by name is taken."""

_NO_LETTERS = "Last Resort"
"""Family that comes with Matplotlib and has a box for every letter."""


def families(text: str) -> tuple[str, ...]:
    """Installed families that together have the letters of a text which the figures' own lacks; mostly none."""
    return _others(_lacking(text))[0]


def complete(figure: Figure) -> bool:
    """Give each text of a figure the families that it needs, and say whether any needed one.

    `logging` warns once of the letters that no installed font has: boxes stand for them.
    """
    texts = [text for text in figure.findobj(Text) if families(text.get_text())]
    for text in texts:
        text.set_fontfamily([*text.get_fontfamily(), *families(text.get_text())])
    if nowhere := _others(_lacking("".join(text.get_text() for text in figure.findobj(Text))))[1]:
        logging.warning(
            f"no installed font has the letters {''.join(sorted(nowhere)[:20])}: boxes stand for them; "
            "install a font that has them, such as Noto Sans CJK, and draw the figure again"
        )
    return bool(texts)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what is told at each drawing, line by line: missing letters, weights of fonts, what goes into a PDF."""
    logs = [logging.getLogger(name) for name in ("matplotlib.font_manager", "fontTools")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _lacking(text: str) -> frozenset[str]:
    own = next(name for name in matplotlib.rcParams["font.sans-serif"] if _letters(name))
    return frozenset(letter for letter in set(text) - _letters(own) if not letter.isspace())


@cache
def _others(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that have the letters, and the letters that none has."""
    found, left = _search(letters)
    return _search(letters) if left and _add_new_fonts() else (found, left)


def _search(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    if not letters:
        return (), letters
    names = {entry.name for entry in fontManager.ttflist if not entry.name.startswith(_NO_LETTERS)}
    found = []
    # First the one that has most of the letters, so that a line has one look.
    for name in sorted(names, key=lambda name: (-len(letters & _letters(name)), _rank(name), name)):
        if has := letters & _letters(name):
            found.append(name)
            letters -= has
    return tuple(found), letters


def _rank(name: str) -> int:
    return next((number for number, start in enumerate(_PREFERRED) if name.startswith(start)), len(_PREFERRED))


@cache
def _letters(family: str) -> frozenset[str]:
    """Letters of an installed family; none where it is not installed, or its letters are pictures of one size."""
    try:
        with quiet():
            font = get_font(fontManager.findfont(FontProperties(family=[family]), fallback_to_default=False))
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (ValueError, RuntimeError, OSError):
        return frozenset()


def _add_new_fonts() -> bool:
    """Take in fonts that were installed since Matplotlib listed them, which it does once for all processes."""
    known = {entry.fname for entry in fontManager.ttflist}
    new = sorted(set(findSystemFonts()) - known)
    for path in new:
        try:
            fontManager.addfont(path)
        except (RuntimeError, OSError, ValueError):  # what Matplotlib cannot read, it cannot draw
            continue
    _letters.cache_clear()
    return bool(new)
