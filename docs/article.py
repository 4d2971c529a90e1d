"""The article: docs/article.md with the numbers of docs/reproduction.md filled in, as a printable page.

`make article` calls it, and so does the site (hooks.py). No number of a result is typed in the template: it names the
section, the row and the column where the number stands, or the sentence that holds it.
"""

import re
import sys
from pathlib import Path

import jinja2
import markdown
from cvpire.errors import InputError
from cvpire.files import write_text

FOLDER = Path(__file__).resolve().parent
TEMPLATE, SOURCE, STYLE = FOLDER / "article.md", FOLDER / "reproduction.md", FOLDER / "article.css"

_RULE = re.compile(r"\|[\s:|-]+\|")
_CELLS = re.compile(r"(?<!\\)\|")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


class Numbers:
    """What a page says: its tables by section, row and column, and its sentences.

    Parameters
    ----------
    text : str
        Markdown; a section is a heading of any level, and has one table at most.
    name : str
        Of the file, for messages.
    """

    def __init__(self, text: str, name: str):
        self._name = name
        self._words = " ".join(text.split())
        self._sections = {
            heading.strip(): body for heading, body in re.findall(r"^#+ (.*)\n([^#]*(?:\n[^#].*)*)", text, re.M)
        }

    def cell(self, section: str, row: str, column: str) -> str:
        """Text of a cell, without marks of bold type; InputError where there is no such section, row or column."""
        header, *rows = self._table(section)
        found = [cells for cells in rows if cells[0] == row]
        if len(found) != 1 or header.count(column) != 1:
            raise InputError(
                f"{self._name}, {section}: no cell {row!r}, {column!r} (or more than one); "
                f"rows are {[cells[0] for cells in rows]}, columns {header[1:]}"
            )
        return found[0][header.index(column)]

    def across(self, section: str, row: str, columns: tuple[str, ...]) -> list[str]:
        """Cells of one row."""
        return [self.cell(section, row, column) for column in columns]

    def said(self, pattern: str) -> str:
        """First group of a pattern (spaces between words are single) that must match the page once; InputError else."""
        found = re.findall(pattern, self._words)
        if len(found) != 1 or not isinstance(found[0], str):
            raise InputError(f"{self._name}: {len(found)} matches of {pattern!r} instead of one")
        return found[0]

    def _table(self, section: str) -> list[list[str]]:
        if section not in self._sections:
            raise InputError(f"{self._name}: no section {section!r}; there are {list(self._sections)}")
        lines = [line for line in self._sections[section].splitlines() if line.startswith("|")]
        if sum(bool(_RULE.fullmatch(line)) for line in lines) != 1:
            raise InputError(f"{self._name}, {section}: one table was expected")
        return [
            [cell.strip().strip("*").strip() for cell in _CELLS.split(line)[1:-1]]
            for line in lines
            if not _RULE.fullmatch(line)
        ]


def number(text: str, place: int = 1) -> str:
    """The number at a place (from 1) in a text, as it is written there; InputError where there is none."""
    found = _NUMBER.findall(text)
    if not 1 <= place <= len(found):
        raise InputError(f"{text!r} has no number {place}")
    return found[place - 1]


def largest(texts: list[str]) -> str:
    """The text whose number is the largest."""
    return max(texts, key=float)


def filled(template: str | None = None, source: str | None = None) -> str:
    """The article in Markdown, with its numbers; `template` and `source` are texts, by default those of the files."""
    numbers = Numbers(source or SOURCE.read_text(encoding="utf-8"), SOURCE.name)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    environment.filters |= {"number": number, "largest": largest}
    text = environment.from_string(template or TEMPLATE.read_text(encoding="utf-8"))
    return text.render(cell=numbers.cell, across=numbers.across, said=numbers.said) + "\n"


def page(text: str) -> str:
    """One HTML page, with its style inside; links to other pages of docs/ become their paths."""
    text = re.sub(r"\[([^\]]*)\]\(([^):#\s]+)(?:#[^)\s]*)?\)", r"\1 (`docs/\2`)", text)
    body = markdown.markdown(text, extensions=["tables", "toc"])
    title = re.search(r"<h1[^>]*>(.*?)</h1>", body)[1]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/article.py OUTPUT.html")
    try:
        write_text(sys.argv[1], page(filled()))
    except (InputError, OSError) as error:
        sys.exit(f"article: error: {error}")
