"""Configurations that are no YAML, expand to more than they are, or say what nobody would."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.mutations import TEXTS, damaged, misfilled, values

CONFIG = Path(__file__).parents[2] / "config"
FILES = [path.read_bytes() for path in sorted(CONFIG.glob("*.yaml")) if path.name != "downloads.yaml"]
DOWNLOADS = (CONFIG / "downloads.yaml").read_bytes()
DEMO = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
SMALL = yaml.safe_load(
    """
preset: released
datasets: {a: {kind: demo, part: a}, b: {kind: folder, folder: photos, ground_truth: truth.json, queries: [x]}}
networks: {n: {architecture: resnet18, weights: w.pth, scales: [1, 0.5], mean: [0.5, 0.5, 0.5]}}
variance: {cv: {kind: colour, kernel_size: 5, sigma: 1.5}}
attacks: {x: {network: n, variance: cv, multiplier: 50, other_multipliers: [10, 20], saving: {quality: 90}}}
saving: {format: jpeg}
tables: {}
figures: {"4.6": {count: 2, crop: [1, 2, 3]}}
"""
)


@given(damaged(FILES))
def test_damaged_configuration(sandbox, data):
    sandbox.read("configuration", {"config.yaml": data})


@given(misfilled(SMALL) | misfilled(DEMO))
def test_misfilled_configuration(sandbox, content):
    sandbox.read("configuration", {"büro.yaml": json.dumps(content).encode()})


SCALARS = ["2001-99-99", "2001-01-01", "!!int x", "!!float x", "!!bool x", "!!timestamp x", "!!binary é", "!!null x"]
SCALARS += [
    "!!python/object/apply:os.system [touch escape]",
    "!!set {a}",
    "!!omap [a: b]",
    "!!pairs [a: b]",
    "!!str []",
]
SCALARS += ["!x y", "*a", "&a b", "0x", "0o9", "1:99:99", "._", "!!map []", "!!seq {}", "~", "- -", "? - a", ".nan"]
SCALARS += ["9" * 5000, "0x" + "f" * 9000, "1_" * 5000, "1e" + "9" * 400, "-.inf", "<<", "!!python/name:os.system", "="]
SCALARS += [json.dumps(text) for text in TEXTS]
FLOWS = st.recursive(
    st.sampled_from(SCALARS) | st.text(st.characters(codec="utf-8"), max_size=6),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(inner, inner), max_size=3).map(
            lambda pairs: f"{{{', '.join(f'? {key} : {value}' for key, value in pairs)}}}"
        ),
        inner.map(lambda value: f"&a {value}"),
        inner.map(lambda value: f"{{<<: {value}}}"),
    ),
    max_leaves=8,
)


@given(st.sampled_from(["datasets", "attacks", "seed", "preset", "folder", "saving", "figures", "&a x"]), FLOWS)
def test_configuration_of_any_yaml(sandbox, key, value):
    sandbox.read("configuration", {"config.yaml": f"{key}: {value}\n".encode("utf-8", "surrogatepass")})


@given(FLOWS)
def test_any_yaml(sandbox, text):
    sandbox.read("configuration", {"config.yaml": text.encode("utf-8", "surrogatepass")})


def laughs(levels: int, start: str, again: str) -> bytes:
    lines = [f"l0: &l0 {start}"]
    lines += [f"l{level}: &l{level} {again.replace('*', f'*l{level - 1}')}" for level in range(1, levels)]
    return "\n".join(lines).encode()


BOMBS = {
    "lists": laughs(40, "[ha, ha]", "[*, *, *, *, *, *, *, *, *]"),
    "mappings": laughs(40, "{a: ha}", "{a: *, b: *, c: *, d: *}"),
    "merged mappings": laughs(24, "{a: ha}", "{<<: [*, *, *, *, *, *, *, *, *]}"),
    "keys": laughs(40, "[ha, ha]", "{? [*, *] : a}"),
    "within an option": b"attacks: {x: {network: " + laughs(1, "[a]", "").removeprefix(b"l0: ") + b"}}",
    "itself": b"datasets: &a {x: *a}",
    "itself in a list": b"datasets: &a [*a, *a]",
    "itself merged": b"&a {<<: *a}",
    "itself as a key": b"&a {? *a : b}",
    "list in list": b"[" * 2**16,
    "mapping in mapping": b"{a: " * 2**14,
    "list in list in lines": b"- " * 2**16,
    "indented": b"\n".join(b" " * depth + b"a:" for depth in range(3000)),
    "digits": b"seed: " + b"9" * 2**20,
    "long text": b"preset: " + b"a" * 2**22,
    "long key": b"a" * 1000 + b": 1",
    "many keys": b"\n".join(b"k%d: 1" % number for number in range(20_000)),
    "many faults": b"figures:\n" + b"\n".join(b"  k%d: 1" % number for number in range(5000)),
    "many documents": b"--- a\n" * 2**14,
    "directives": b"%TAG ! tag:x\n" * 2**12 + b"--- a",
    "open quote": b'seed: "' + b"a\n" * 2**16,
    "sexagesimal": b"seed: 1" + b":59" * 20_000,
    "escape": b'"\\e[2J\\u202e": "\\e[31m"',
    "lines in a value": b'preset: "a\\nconfig.yaml: fine\\u2028"',
}


@pytest.mark.parametrize("kind", BOMBS)
def test_configuration_that_expands(sandbox, kind):
    assert sandbox.read("configuration", {"config.yaml": BOMBS[kind]}) == "refused"


@given(damaged([DOWNLOADS]) | misfilled(yaml.safe_load(DOWNLOADS)).map(lambda content: json.dumps(content).encode()))
def test_bad_list_of_downloads(sandbox, data):
    sandbox.read("downloads", {"downloads.yaml": data})


@pytest.mark.parametrize("kind", BOMBS)
def test_list_of_downloads_that_expands(sandbox, kind):
    assert sandbox.read("downloads", {"downloads.yaml": BOMBS[kind]}) == "refused"


@given(values())
def test_any_value(sandbox, content):
    assert sandbox.read("configuration", {"config.yaml": json.dumps(content).encode()}) == "refused"
