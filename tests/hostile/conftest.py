"""How many inputs are tried, the process that reads them, and the count at the end."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

from tests.hostile.sandbox import Sandbox

# The same inputs in every run; EXAMPLES=n tries n other ones for each test, and a failure says how to repeat it.
common = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("same inputs", max_examples=120, derandomize=True, database=None, **common)
settings.register_profile("more inputs", max_examples=int(os.environ.get("EXAMPLES") or 1000), **common)
settings.load_profile("more inputs" if os.environ.get("EXAMPLES") else "same inputs")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """The process that reads, one for each test process."""
    made = Sandbox(tmp_path_factory.mktemp("sandbox") / "home")
    yield made
    made.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Note what became of a test's inputs, for the summary."""
    outcomes = getattr(item, "funcargs", {}).get("sandbox", Counter()) and item.funcargs["sandbox"].outcomes
    before = outcomes.copy()
    try:
        return (yield)
    finally:
        item.user_properties.append(("inputs", dict(outcomes - before)))


def pytest_terminal_summary(terminalreporter):
    """Say how many inputs were read and refused, for each file of tests."""
    counts: dict[str, Counter[str]] = {}
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        for name, outcomes in getattr(report, "user_properties", ()):
            if name == "inputs" and report.when == "call":
                counts.setdefault(report.location[0], Counter()).update(outcomes)
    for file, outcomes in [*sorted(counts.items()), ("in all", sum(counts.values(), Counter()))]:
        terminalreporter.write_line(f"{outcomes.total():6} inputs, {file}: {dict(sorted(outcomes.items()))}")
