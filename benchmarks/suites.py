"""The suites of benchmarks: in a module that a process of its own can import, as it cannot `benchmarks.__main__`."""

import importlib

SUITES = ("variance", "attack", "stages", "ranking", "search", "workflow", "memory")
"""Each is a module of this package; `memory` is a part of `stages`."""


def run(suite: str) -> list:
    """Lines of a suite."""
    if suite == "memory":
        return importlib.import_module("benchmarks.stages").memory()
    module = importlib.import_module(f"benchmarks.{suite}")
    more = {"stages": ["starting"], "workflow": ["dry_run"]}.get(suite, [])
    return [line for name in (*more, "lines") for line in getattr(module, name)()]
