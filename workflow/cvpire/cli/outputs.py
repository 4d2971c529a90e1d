"""What a command may write over: its own earlier output. It is found out before any work."""

import errno
import functools
import inspect
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from cvpire import layout
from cvpire.errors import InputError

Recognise = Callable[[Path], bool]
"""Whether an earlier call of the command may have written a file; may raise anything where it did not."""

PATHS_AS_TEXT = ("weights", "ground_truth")
"""Options that are text to their section of the configuration, and may be a file."""


class Kind(NamedTuple):
    """What a command writes."""

    name: str
    """For messages."""
    files: Mapping[str, Recognise]
    """By suffix."""
    bare: bool = False
    """Whether a name without a suffix will do: what reads the file does not go by it."""
    stems: tuple[str, ...] = ()
    """Where the argument is a stem, to which suffixes are added: what comes between."""
    beside: Callable[[Path], Iterable[Path]] = lambda path: ()
    """Further files that are written with one, and count with it."""


def writes(**outputs: Kind) -> Callable:
    """Check a command's outputs before it starts, and give it `--force`.

    Each output is named by the command's parameter. Refused are: one of the command's inputs, a name given twice, a
    folder, a suffix of something else; and a file that is there and that no earlier call has written, which `--force`
    replaces.
    """

    def decorate(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def command(**given: Any) -> None:
            force = given.pop("force")
            inputs = list(_inputs({key: value for key, value in given.items() if key not in outputs}))
            written: dict[str, Path] = {}
            for key, kind in outputs.items():
                for path in _listed(given[key]):
                    check(Path(path), kind, inputs, force=force, written=written)
            return function(**given)

        command.__signature__ = signature.replace(parameters=[*signature.parameters.values(), _FORCE])
        command.__annotations__ = {**function.__annotations__, "force": _FORCE.annotation}
        return command

    return decorate


_FORCE = inspect.Parameter(
    "force",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--force", help="Replace files that this command has not written.")],
)


def check(path: Path, kind: Kind, inputs: Iterable[Path], *, force: bool, written: dict[str, Path]) -> None:
    """Raise `InputError` where an output cannot or must not be written; `written` collects those that can."""
    for file, _ in _files(path, kind):
        if any(_same(file, other) for other in inputs):
            raise InputError(f"{file}: is one of the inputs; name another file to write")
    _check_suffix(path, kind)
    for file, recognise in _files(path, kind):
        if os.path.realpath(file) in written:
            raise InputError(f"{file}: two outputs have this name; give each its own")
        written[os.path.realpath(file)] = file
        _check_place(file)
        if not force and file.exists() and not _is_own(file, recognise):
            raise InputError(f"{file}: is there and is not {kind.name}; name another file, or replace it with --force")


def _files(path: Path, kind: Kind) -> Iterator[tuple[Path, Recognise]]:
    if kind.stems:
        for stem in kind.stems:
            yield from ((Path(f"{path}{stem}{suffix}"), recognise) for suffix, recognise in kind.files.items())
        return
    recognise = kind.files.get(path.suffix.lower(), next(iter(kind.files.values())))
    yield path, recognise
    for other in kind.beside(path):
        yield other, lambda _: recognise(path)


def _check_suffix(path: Path, kind: Kind) -> None:
    suffix = path.suffix.lower()
    if kind.stems:
        if suffix in kind.files:
            raise InputError(f"{path}: give the name without its suffix; {', '.join(kind.files)} are added")
    elif suffix not in kind.files and not (kind.bare and not suffix):
        written = " or ".join(kind.files)
        raise InputError(f"{path}: {kind.name} is written as {written}; name it {path.stem}{next(iter(kind.files))}")


def _check_place(path: Path) -> None:
    """Find faults that would end the command when its work is done."""
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ENOTDIR):
            raise InputError(f"{path}: cannot be written ({error.strerror}); name another file") from None
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is neither a file nor free; name a file")
    folder = next(above for above in path.absolute().parents if above.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _is_own(path: Path, recognise: Recognise) -> bool:
    try:
        return path.stat().st_size == 0 or recognise(path)  # nothing is lost of an empty file
    except PermissionError:
        raise
    except Exception:  # what reads it raises anything on what it is not made for
        return False


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def _inputs(given: Mapping[str, Any]) -> Iterator[Path]:
    """Every file that the arguments name: paths, NAME=FILE, and options of a section that may be one."""
    for key, value in given.items():
        for item in _listed(value):
            if isinstance(item, Path):
                yield item
            elif isinstance(item, str) and (key in PATHS_AS_TEXT or "=" in item):
                yield Path(item.partition("=")[2] or item)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def once(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Files by name; `InputError` where two have one name, of which one would be lost."""
    found: dict[str, Path] = {}
    for name, file in named:
        if name in found:
            raise InputError(f"{found[name]} and {file} have one name, {name!r}; give each its own")
        found[name] = file
    return found


# --- What earlier calls have written ----------------------------------------------------------------------------------

_NO_METADATA = frozenset({"jfif", "jfif_version", "jfif_unit", "jfif_density", "srgb", "gamma"})
"""What Pillow tells of any JPEG or PNG; a camera's and an editor's files have more."""


def _photo(format: str, mode: str) -> Recognise:
    def recognise(path: Path) -> bool:
        from PIL import Image

        with Image.open(path, formats=["JPEG", "PNG"]) as image:
            return image.format in format.split() and image.mode == mode and not image.info.keys() - _NO_METADATA

    return recognise


def _rows(path: Path) -> int:
    """Rows of a float32 array of two dimensions, as maps and descriptors are."""
    from cvpire.untrusted.arrays import read_header

    with path.open("rb") as file:
        header = read_header(file)
    if header.dtype.name != "float32" or len(header.shape) != 2:
        raise ValueError("another array")
    return header.shape[0]


def _shard(path: Path) -> bool:
    return path.with_suffix(".txt").read_text(encoding="utf-8").count("\n") == _rows(path)


def _map(path: Path) -> bool:
    return _rows(path) > 0 and not _is_own(path, _shard)


def _perturbation(path: Path) -> bool:
    with zipfile.ZipFile(path) as file:
        return {"perturbation.npy", "multipliers.npy", "iterations.npy", "unit.npy"} <= set(file.namelist())


def _features(path: Path) -> bool:
    with zipfile.ZipFile(path) as file:
        return {"descriptors.npy", "keypoints.npy", "offsets.npy"} <= set(file.namelist())


def _learnt(path: Path) -> bool:
    with zipfile.ZipFile(path) as file:
        return bool({"mean.npy", "centres.npy"} & set(file.namelist()))


def _crate(path: Path) -> bool:
    from cvpire.untrusted.crates import METADATA

    with zipfile.ZipFile(path) as file:
        return METADATA in file.namelist()


def _csv(*columns: str) -> Recognise:
    return lambda path: set(columns) <= set(_text(path).partition("\n")[0].strip().split(","))


def _json(*keys: str) -> Recognise:
    return lambda path: set(keys) <= json.loads(path.read_text(encoding="utf-8")).keys()


def _containing(words: str) -> Recognise:
    return lambda path: words.encode() in path.read_bytes()


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if "\0" in text:
        raise ValueError("not a text")
    return text


def _nothing(path: Path) -> bool:
    return False


PREPARED = Kind("a photo of `cvpire prepare`", {".png": _photo("PNG", "RGB")})
MAP = Kind("a variance map", {".npy": _map, ".png": _photo("PNG", "L")})
PERTURBATION = Kind("a perturbation of `cvpire attack`", {".npz": _perturbation}, bare=True)
SAVED = Kind(
    "a query of `cvpire save` (without metadata)",
    dict.fromkeys((".jpg", ".jpeg", ".png"), _photo("JPEG PNG", "RGB")),
)
_FOUND = {".csv": _csv("query", "multiplier", "iteration", "found_multiplier")}
ATTACKED = Kind(
    "a perturbation or a query of `cvpire attack`", {**PERTURBATION.files, **SAVED.files, **_FOUND}, bare=True
)
QUALITY = Kind("a table of `cvpire quality`", {".csv": _csv("query", "file", "multiplier", "iteration")}, bare=True)
DESCRIPTORS = Kind(
    "a descriptor shard with its names beside it",
    {".npy": _shard, ".npz": _features},
    beside=lambda path: [path.with_suffix(".txt")],
)
LEARNT = Kind("what `cvpire learn` has learnt", {".npz": _learnt})
RANKING = Kind("a ranking of `cvpire rank`", {".csv": _csv("query", "ap", "top")}, bare=True)
RANDOM = Kind("a table of `cvpire random`", {".csv": _csv("query", "ap")}, bare=True)
GATE = Kind("a record of `cvpire gate`", {".json": _json("measured", "verdict")}, bare=True)
LISTING = Kind("a listing of `cvpire dataset`", {".json": _json("photos", "queries", "database")}, bare=True)
GROUND_TRUTH = Kind("known to be without changes made by hand", {".json": _nothing}, bare=True)
SCHEMA = Kind("a JSON schema of `cvpire schema`", {".json": _json("$defs", "properties")}, bare=True)
ALL_QUERIES = Kind("a table of `cvpire collect`", {".csv": _csv("dataset", "query", "headline")}, bare=True)
ALL_RANDOM = Kind("a table of `cvpire collect-random`", {".csv": _csv("dataset", "ap")}, bare=True)
PROVENANCE = Kind("a record of `cvpire provenance`", {".json": _json("code", "configuration")}, bare=True)
OVERVIEW = Kind("a page of `cvpire overview`", {".html": _containing("<title>Adversarial queries for")}, bare=True)
REPRODUCTION = Kind(
    "a page of `cvpire reproduction`",
    dict.fromkeys(layout.PAGE_SUFFIXES, _containing("numbers beside ours")),
    stems=("",),
)
ARCHIVE = Kind("an archive of `cvpire archive`", {".zip": _crate})
AUDIT = Kind("a table of `cvpire audit`", {".csv": _csv("photo", "method", "metric")}, bare=True)

_PICTURE = dict.fromkeys(layout.FIGURE_SUFFIXES, _containing("atplotlib"))
_TABLE = {".csv": _text, ".md": _containing("\n|"), ".tex": _containing("\\begin{table}"), **_PICTURE}
TABLE = Kind("a table of ours", _TABLE, stems=("",))
TABLES = Kind("a table of ours", _TABLE, stems=("", "-derived"))
FIGURE = Kind("a figure of ours", _PICTURE, stems=("",))
FIGURE_WITH_DATA = FIGURE._replace(files={**FIGURE.files, ".csv": _text})
