"""Strategies that damage files: anywhere, in their headers, by a bit, or by numbers that readers stumble over."""

import pickletools
import struct
from collections.abc import Sequence

from hypothesis import strategies as st

NUMBERS = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**27, 2**62, 2**63 - 1, 2**64 - 1]

WORDS = [number.to_bytes(8, order)[:width] if order == "little" else number.to_bytes(8, order)[-width:]
         for number in NUMBERS for order in ("little", "big") for width in (2, 4, 8)]  # fmt: skip

TEXTS = [
    "",
    ".",
    "..",
    "../../escape",
    "/tmp/escape",
    "CON",
    "a" * 300,
    "a/b",
    "a\\b",
    "\0",
    "\x1b[31m",
    "é",
    "e\u0301",
]
TEXTS += [
    "\u202e",
    "\ud800",
    "\ufeff",
    "🏰",
    "nan",
    "inf",
    "-1",
    "1e999",
    "9" * 5000,
    "a\nb",
    "null",
    "true",
    "{}",
    "%s",
]


@st.composite
def damaged(draw, originals: Sequence[bytes]) -> bytes:
    """One of some files, changed in up to six places."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.one_of(st.integers(0, min(len(data), 64)), st.integers(0, len(data))))
        match draw(st.sampled_from(["flip", "overwrite", "number", "insert", "cut", "truncate", "repeat"])):
            case "flip" if place < len(data):
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "overwrite":
                data[place : place + 8] = draw(st.binary(min_size=1, max_size=8))
            case "number":
                word = draw(st.sampled_from(WORDS))
                data[place : place + len(word)] = word
            case "insert":
                data[place:place] = draw(st.one_of(st.binary(min_size=1, max_size=16), st.just(bytes(1000))))
            case "cut":
                del data[place : place + draw(st.integers(1, 64))]
            case "truncate":
                del data[place:]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 256))]
    return bytes(data)


def values(leaves: st.SearchStrategy | None = None) -> st.SearchStrategy:
    """Anything that JSON and YAML can say."""
    numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -1, 2**63, 1e308]))
    plain = st.one_of(st.none(), st.booleans(), numbers, st.sampled_from(TEXTS), st.text(max_size=8))
    return st.recursive(
        plain if leaves is None else plain | leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(TEXTS), inner, max_size=4),
        max_leaves=12,
    )


@st.composite
def misfilled(draw, original: object) -> object:
    """A value of dicts and lists in which up to three parts are replaced, removed, renamed or repeated."""
    changed = original
    for _ in range(draw(st.integers(1, 3))):
        changed = draw(_changed_once(changed))
    return changed


@st.composite
def _changed_once(draw, value: object) -> object:
    if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = draw(st.sampled_from(keys))
        changed = dict(value) if isinstance(value, dict) else list(value)
        match draw(st.sampled_from(["within", "within", "within", "remove", "add"])):
            case "within":
                changed[key] = draw(_changed_once(changed[key]))
            case "remove":
                del changed[key]
            case "add" if isinstance(changed, dict):
                changed[draw(st.sampled_from(TEXTS))] = draw(values())
            case "add":
                changed.append(draw(st.sampled_from(value) | values()))
        return changed
    return draw(values())


# --- Pickles ----------------------------------------------------------------------------------------------------------

GLOBALS = [("posix", "system"), ("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr")]
GLOBALS += [("subprocess", "Popen"), ("sys", "audit"), ("builtins", "__import__"), ("operator", "attrgetter")]
GLOBALS += [
    ("builtins", "set"),
    ("__builtin__", "frozenset"),
    ("builtins", "bytearray"),
    ("collections", "OrderedDict"),
]
GLOBALS += [("numpy", "ndarray"), ("numpy", "dtype"), ("numpy.core.multiarray", "_reconstruct"), ("_codecs", "encode")]
GLOBALS += [("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"), ("numpy", "ndarray.tobytes")]
GLOBALS += [("torch", "FloatStorage"), ("torch", "Tensor"), ("torch._utils", "_rebuild_tensor_v2"), ("torch", "load")]
GLOBALS += [("torch._utils", "_rebuild_parameter"), ("torch.serialization", "_get_layout"), ("cvpire.cli", "main")]

COMMANDS = ["touch escape", "__import__('sys').audit('canary')", "canary"]


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def _whole_number(number: int) -> bytes:
    data = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<i", len(data)) + data


ATOMS = st.one_of(
    st.sampled_from([b"N", b"\x88", b"\x89", b"]", b"}", b")", b"\x8f", b"K\x00", b"C\x04data", b"Vtext\n", b"I01\n"]),
    st.sampled_from([_text(text) for text in (*TEXTS, *COMMANDS, "f4", "f8", "i8", "O", "O8", "U4", "V8", "<", ">")]),
    st.sampled_from([_whole_number(number) for number in (*NUMBERS, -1, 2**10, 10**5000)]),
    st.sampled_from([b"G" + struct.pack(">d", number) for number in (0.0, 0.5, float("nan"), float("inf"), -1e308)]),
    st.sampled_from([f"c{module}\n{name}\n".encode() for module, name in GLOBALS]),
    st.sampled_from([_text(module) + _text(name) + b"\x93" for module, name in GLOBALS]),
    st.sampled_from([b"h\x00", b"h\x01", b"j\x00\x00\x00\x00", b"g0\n", b"\x82\x01", b"P0\n", b"\x97"]),
    st.sampled_from([b"\x8e" + word for word in WORDS if len(word) == 8]),  # bytes of an absurd length
    st.sampled_from([b"\x96" + word + b"data" for word in WORDS if len(word) == 8]),
    st.sampled_from([b"Nr" + struct.pack("<I", number) for number in (0, 1, 2**20, 2**27, 2**31)]),  # memo's number
)


def _joined(parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(parts, max_size=4).map(b"".join)


def _built(inner: st.SearchStrategy) -> st.SearchStrategy:
    """Code that leaves one value on the stack, from code that does."""
    several, pair = _joined(inner), st.tuples(inner, inner).map(b"".join)
    classes = st.sampled_from(GLOBALS)
    return st.one_of(
        several.map(lambda items: b"(" + items + b"t"),
        several.map(lambda items: b"(" + items + b"l"),
        several.map(lambda items: b"](" + items + b"e"),
        several.map(lambda items: b"\x8f(" + items + b"\x90"),
        several.map(lambda items: b"(" + items + b"\x91"),
        pair.map(lambda items: b"}" + items + b"s"),
        pair.map(lambda items: items + b"b"),  # BUILD
        st.tuples(inner, several).map(lambda call: call[0] + b"(" + call[1] + b"tR"),  # REDUCE
        st.tuples(inner, several).map(lambda call: call[0] + b"(" + call[1] + b"t\x81"),  # NEWOBJ
        st.tuples(inner, several).map(lambda call: call[0] + b"(" + call[1] + b"t}\x92"),  # NEWOBJ_EX
        st.tuples(inner, several).map(lambda call: b"(" + call[0] + call[1] + b"o"),  # OBJ
        st.tuples(classes, several).map(
            lambda call: b"(" + call[1] + f"i{call[0][0]}\n{call[0][1]}\n".encode()
        ),  # INST
        inner.map(lambda value: value + b"q\x00"),
        inner.map(lambda value: value + b"\x94"),
        inner.map(lambda value: value + b"q\x00" + b"h\x00\x86q\x00" * 40),  # 2**40 values behind 40 pairs
        inner.map(lambda value: b"](" * 2000 + value + b"e" * 2000),
    )


def pickled_values() -> st.SearchStrategy:
    """Code of pickles that leaves one value on the stack: mostly calls that must not happen."""
    return st.recursive(ATOMS, _built, max_leaves=8)


def pickles() -> st.SearchStrategy:
    """Pickles: of such values, of them where a dict's value or key is expected, and of any operations at all."""
    start = st.sampled_from([b"", b"\x80\x02", b"\x80\x04", b"\x80\x05", b"\x80\x04\x95" + b"\xff" * 8])
    known = [_text(key) for key in ("imlist", "qimlist", "gnd", "state_dict", "meta", "weight")]
    entry = st.tuples(st.sampled_from(known) | pickled_values(), pickled_values()).map(b"".join)
    mapping = st.lists(entry, max_size=3).map(lambda entries: b"}(" + b"".join(entries) + b"u")
    anything = _joined(ATOMS | st.sampled_from([operation.code.encode("latin-1") for operation in pickletools.opcodes]))
    return st.tuples(start, pickled_values() | mapping | anything).map(lambda parts: b"".join(parts) + b".")
