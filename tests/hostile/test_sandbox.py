"""The process that reads hostile input notices what a reader must not do."""

import pytest

from tests.hostile.sandbox import Sandbox


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    made = Sandbox(tmp_path_factory.mktemp("watched") / "home")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("misdeed", "noticed"),
    [
        ("runs", r"misbehaved: os\.system"),
        ("calls", "misbehaved: canary"),
        ("writes elsewhere", r"misbehaved: open\(.*escape"),
        ("links elsewhere", r"misbehaved: os\.symlink"),
        ("leaves a file", "left behind"),
        ("crashes", "crashed: exit status -6"),
        ("takes memory", "took 10[0-9]{2} MB of memory"),
        ("raises", "raised: .*KeyError"),
        ("names nothing", "does not name the file"),
        ("steers the terminal", "unprintable"),
    ],
)
def test_a_misdeed_is_noticed(watched, misdeed, noticed):
    with pytest.raises(AssertionError, match=rf"(?s){noticed}"):
        watched.read("misbehaving", {"a": b""}, misdeed=misdeed)


def test_after_a_crash_the_next_input_is_read(watched):
    with pytest.raises(AssertionError, match="crashed"):
        watched.read("misbehaving", {"a": b""}, misdeed="crashes")
    assert watched.read("misbehaving", {"a": b""}, misdeed="none") == "read"
