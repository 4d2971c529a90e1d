"""What stands in messages of what came from outside."""

import pytest
from cvpire.errors import printable, reason, shown


def test_text_from_outside_is_one_line_that_a_terminal_does_not_obey():
    assert printable("büro\n1\x1b[2J\u2028\ud800") == r"büro\n1\x1b[2J\u2028\ud800"
    assert printable("a" * 300, 10) == "a" * 10 + "..."


def test_an_exception_without_a_message_is_named():
    assert reason(ValueError("two\n  lines")) == "two lines"
    assert reason(EOFError()) == "EOFError"


def holds_itself():
    value = []
    value.append(value)
    return value


def many_times_over():
    value = ["a"]
    for _ in range(60):
        value = [value] * 10
    return value


LONG = {"text": "a" * 10**6, "list": [0] * 10**6, "number": 1 << 10**6, "bytes": bytes(999), "itself": holds_itself()}
LONG["aliases"] = many_times_over()


@pytest.mark.parametrize("value", LONG.values(), ids=LONG.keys())
def test_a_value_that_is_long_or_never_ends_is_cut(value):
    assert len(shown(value)) <= 410


def test_a_short_value_is_its_repr():
    assert shown([1, "a", None, {"b": 0.5}]) == "[1, 'a', None, {'b': 0.5}]"
