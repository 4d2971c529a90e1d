"""Show how far a long job is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str, steps: int | None = None) -> Iterator[Callable[..., None]]:
    """Show progress on a terminal, of `steps` or of as many as each call says; in a log only the end."""
    terminal = sys.stderr.isatty()

    def show(done: int, of: int | None = steps) -> None:
        if terminal:
            print(f"\r{title}: {done}/{of}", end="", file=sys.stderr, flush=True)

    yield show
    print(f"{chr(13) if terminal else ''}{title}: done", file=sys.stderr)
