"""Files that appear whole or not at all, and the file between attack and saving."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cvpire.cli import frame
from cvpire.errors import InputError
from cvpire.files import whole, whole_folder, write_json, write_text
from cvpire.perturbations import Perturbations, read_perturbations, write_perturbations
from cvpire.retrieval.descriptors import open_shard, write_shard


def listing(folder):
    """Names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


# --- Whole or not at all ----------------------------------------------------------------------------------------------


def test_the_file_appears_when_the_block_succeeds(tmp_path):
    path = tmp_path / "new" / "folder" / "a b.csv"

    with whole(path) as temporary:
        assert temporary.parent == path.parent, "a rename is atomic on one file system only"
        assert temporary.suffix == ".csv"
        temporary.write_text("done")
        assert not path.exists()

    assert listing(path.parent) == ["a b.csv"]
    assert path.read_text() == "done"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_when_the_block_fails(tmp_path, error):
    with pytest.raises(error), whole(tmp_path / "a.csv") as temporary:
        temporary.write_text("half")
        raise error

    assert listing(tmp_path) == []


def test_the_old_file_stays_until_it_is_replaced(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")

    with pytest.raises(ValueError), whole(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        raise ValueError
    assert path.read_text() == "old"

    with path.open() as reader:
        with whole(path) as temporary:
            temporary.write_text("new")
        assert reader.read() == "old", "the file was written over and not replaced"
    assert path.read_text() == "new"
    assert listing(tmp_path) == ["a.csv"]


def test_writers_do_not_share_a_temporary_file(tmp_path):
    with whole(tmp_path / "a.csv") as one, whole(tmp_path / "a.csv") as other:
        assert one != other


def test_a_library_may_replace_the_temporary_file(tmp_path):
    with whole(tmp_path / "a.csv") as temporary:
        temporary.unlink()
        temporary.write_text("written anew")

    assert listing(tmp_path) == ["a.csv"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664), (0o077, 0o600)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "hello")
        assert os.umask(umask) == umask, "the umask is left as it was"
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_text_and_json_are_utf_8(tmp_path):
    write_text(tmp_path / "a.txt", "Büro 東京\n")
    write_json(tmp_path / "a.json", {"b": "Büro", "a": [1, None]})

    assert (tmp_path / "a.txt").read_bytes() == "Büro 東京\n".encode()
    text = (tmp_path / "a.json").read_bytes().decode("utf-8")
    assert list(json.loads(text).items()) == [("b", "Büro"), ("a", [1, None])]
    assert "Büro" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf")])
def test_what_json_cannot_hold_leaves_no_file(tmp_path, value):
    with pytest.raises((TypeError, ValueError)):
        write_json(tmp_path / "a.json", {"a": value})

    assert listing(tmp_path) == []


# --- A machine that is at fault ---------------------------------------------------------------------------------------


def fill(path):
    """What libraries say when the disk is full: NumPy gives no reason."""
    with path.open("wb") as file:
        file.write(b"header")
        raise OSError("90000 requested and 8176 written")


def flush(path):
    with path.open("w"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # of a file that is open, without its name


@pytest.mark.parametrize("write", [fill, flush])
def test_an_error_names_the_file_and_the_reason(tmp_path, write):
    with pytest.raises(OSError) as caught, whole(tmp_path / "a.npy") as temporary:
        write(temporary)

    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a.npy"))
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory; run again with fewer jobs at a time"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "not enough memory"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(errno.ENOSPC, "No space", "a.csv"), "a.csv: No space; make room and run again"),
        (PermissionError(errno.EACCES, "Denied", "a.csv"), "a.csv: Denied; check the permissions and run"),
        (OSError(errno.EROFS, "Read-only"), "Read-only; check the permissions and run again"),
    ],
)
def test_one_message_where_the_machine_is_at_fault(monkeypatch, capsys, error, message):
    def fails():
        raise error

    monkeypatch.setattr(frame, "app", fails)
    with pytest.raises(SystemExit) as caught:
        frame.main()

    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith(f"cvpire: error: {message}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_log_on_a_full_disk_takes_no_message(tmp_path):
    """Standard output, which the workflow passes on, does."""
    command = [Path(sys.executable).with_name("cvpire"), "prepare", tmp_path / "none.jpg", tmp_path / "out.png"]
    with Path("/dev/full").open("w") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert done.returncode != 0
    assert done.stdout == f"cvpire: error: {tmp_path / 'none.jpg'}: no such photo\n"


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ImportError("no module"), FileNotFoundError(2, "No", "a")])
def test_a_bug_keeps_its_traceback(monkeypatch, error):
    def fails():
        raise error

    monkeypatch.setattr(frame, "app", fails)
    with pytest.raises(type(error)):
        frame.main()


# --- What a killed writer leaves --------------------------------------------------------------------------------------

WRITER = """
import sys, time
from cvpire.files import {function}
with {function}(sys.argv[1]) as temporary:
    ({file}).write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["whole", "whole_folder"])
def writer(request, tmp_path):
    """A process in the middle of writing a file or a folder."""
    file = "temporary / 'a.txt'" if request.param == "whole_folder" else "temporary"
    code = WRITER.format(function=request.param, file=file)
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "a"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path, writer, number):
    assert len(listing(tmp_path)) == 1
    writer.send_signal(number)
    writer.wait()
    assert len(listing(tmp_path)) == 1, "nobody could remove it"

    write_text(tmp_path / "b.txt", "done")

    assert listing(tmp_path) == ["b.txt"]


def test_the_next_writer_leaves_what_a_living_one_writes(tmp_path, writer):
    (being_written,) = listing(tmp_path)

    write_text(tmp_path / "b.txt", "done")

    assert listing(tmp_path) == [being_written, "b.txt"]


def test_a_folder_appears_whole(tmp_path):
    with whole_folder(tmp_path / "new" / "folder") as temporary:
        (temporary / "below").mkdir()
        (temporary / "below" / "a.txt").write_text("a")
        assert not (tmp_path / "new" / "folder").exists()

    assert listing(tmp_path / "new") == ["folder"]
    assert (tmp_path / "new" / "folder" / "below" / "a.txt").read_text() == "a"


def test_a_file_in_a_folder_that_is_not_there_yet(tmp_path):
    with whole_folder(tmp_path / "folder") as temporary:
        write_text(temporary / "a.txt", "a")

    assert listing(tmp_path / "folder") == ["a.txt"]


def test_many_writers_of_one_file(tmp_path):
    """None takes away what another has just begun."""
    code = "import sys\nfrom cvpire.files import write_text\nfor _ in range(30): write_text(sys.argv[1], 'a' * 1000)"
    writers = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "a.txt"]) for _ in range(3)]

    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert (tmp_path / "a.txt").read_text() == "a" * 1000
    assert listing(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(("name", "text"), [("a.txt", "b"), ("b.txt", "a")])
def test_a_folder_is_not_replaced(tmp_path, name, text):
    def write(name, text):
        with whole_folder(tmp_path / "folder") as temporary:
            (temporary / name).write_text(text)

    write("a.txt", "a")
    (tmp_path / "folder" / ".snakemake_timestamp").touch()
    before = (tmp_path / "folder" / "a.txt").stat()

    write("a.txt", "a")  # the same again
    with pytest.raises(FileExistsError, match="it holds other files"):
        write(name, text)

    assert (tmp_path / "folder" / "a.txt").stat() == before
    assert listing(tmp_path) == ["folder"]


# --- Perturbations ----------------------------------------------------------------------------------------------------

SHAPE = (4, 5)


@pytest.fixture
def perturbations():
    values = np.random.default_rng(0).normal(size=(2, 3, 3, *SHAPE)).astype(np.float32)
    return Perturbations(values, (20.0, 50.5), (1, 10, 100), (0.229, 0.224, 0.225))


def test_perturbations_round_trip(tmp_path, perturbations):
    path = tmp_path / "folder" / "a.npz"
    write_perturbations(path, perturbations)

    read = read_perturbations(path, SHAPE)

    assert listing(path.parent) == ["a.npz"]
    assert read.values.dtype == np.float32
    np.testing.assert_array_equal(read.values, perturbations.values)
    assert (read.multipliers, read.checkpoints, read.unit) == ((20, 50.5), (1, 10, 100), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("name", ["pert", "pert.v2", "pert.npy"])
def test_perturbations_are_in_the_file_that_is_named(tmp_path, perturbations, name):
    """NumPy adds .npz to a name without it."""
    write_perturbations(tmp_path / name, perturbations)

    assert listing(tmp_path) == [name]
    np.testing.assert_array_equal(read_perturbations(tmp_path / name, SHAPE).values, perturbations.values)


@pytest.mark.parametrize("name", ["shard", "shard.1"])
def test_descriptors_are_in_the_file_that_is_named(tmp_path, name):
    write_shard(tmp_path / name, ["a"], np.ones((1, 2), np.float32))

    assert listing(tmp_path) == sorted([name, "shard.txt"])
    np.testing.assert_array_equal(open_shard(tmp_path / name), np.ones((1, 2)))


def test_a_perturbation_is_found_by_multiplier_and_iteration(perturbations):
    np.testing.assert_array_equal(perturbations.at(50.5, 10), perturbations.values[1, 1])
    np.testing.assert_array_equal(perturbations.at(20, 100), perturbations.values[0, 2])
    only = Perturbations(perturbations.values[:1, :1], (20.0,), (100,), (1, 1, 1))
    np.testing.assert_array_equal(only.at(None, None), perturbations.values[0, 0])


@pytest.mark.parametrize(
    ("multiplier", "iteration", "text"),
    [
        (30, 10, "multiplier 30 is not there: one of 20, 50.5"),
        (20, 11, "iteration 11 is not there: one of 1, 10, 100"),
        (None, 10, "multiplier is needed: one of 20, 50.5"),
        (20, None, "iteration is needed: one of 1, 10, 100"),
    ],
)
def test_a_perturbation_that_is_not_there(perturbations, multiplier, iteration, text):
    with pytest.raises(InputError) as caught:
        perturbations.at(multiplier, iteration)

    assert str(caught.value) == text


def test_missing_perturbations(tmp_path):
    with pytest.raises(InputError, match=r"a\.npz: no such perturbation; `cvpire attack` makes it"):
        read_perturbations(tmp_path / "a.npz", SHAPE)


@pytest.mark.parametrize(
    "how", ["empty", "text", "truncated", "damaged", "array", "other archive", "pickle", "numbers"]
)
def test_a_file_of_another_kind_is_no_perturbation(tmp_path, perturbations, how):
    path = tmp_path / "a.npz"
    write_perturbations(path, perturbations)
    whole_file = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("hello")
        case "truncated":
            path.write_bytes(whole_file[:-50])
        case "damaged":
            path.write_bytes(whole_file[:300] + bytes(50) + whole_file[350:])
        case "array":
            with path.open("wb") as file:
                np.save(file, np.zeros(SHAPE))
        case "other archive":
            np.savez(path, a=np.zeros(3))
        case "pickle":
            np.savez(path, perturbation=np.array([None]), multipliers=[1], iterations=[1], unit=[1, 1, 1])
        case "numbers":
            np.savez(path, perturbation=perturbations.values, multipliers=1.0, iterations=1, unit=1.0)

    with pytest.raises(InputError, match=r"a\.npz: not a perturbation of `cvpire attack`"):
        read_perturbations(path, SHAPE)


@pytest.mark.parametrize("shape", [(5, 4), (4, 6)])
def test_perturbations_of_another_photo(tmp_path, perturbations, shape):
    write_perturbations(tmp_path / "a.npz", perturbations)

    with pytest.raises(InputError, match="does not fit the photo"):
        read_perturbations(tmp_path / "a.npz", shape)


@pytest.mark.parametrize(
    "change",
    [
        {"perturbation": np.full((2, 3, 3, *SHAPE), np.nan, np.float32)},
        {"perturbation": np.zeros((2, 3, 3, *SHAPE))},
        {"multipliers": np.array([20.0, np.inf])},
        {"multipliers": np.array(["20", "50"])},
        {"iterations": np.array([1.5, 10, 100])},
        {"unit": np.ones(4)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_perturbations_that_no_attack_makes(tmp_path, perturbations, change):
    write_perturbations(tmp_path / "a.npz", perturbations)
    with np.load(tmp_path / "a.npz") as file:
        np.savez(tmp_path / "a.npz", **{**file, **change})

    with pytest.raises(InputError, match=r"a\.npz: not a perturbation of `cvpire attack`"):
        read_perturbations(tmp_path / "a.npz", SHAPE)


def test_perturbations_are_not_unpacked_before_their_size_is_known(tmp_path, perturbations, monkeypatch):
    write_perturbations(tmp_path / "a.npz", perturbations)
    monkeypatch.setattr("cvpire.perturbations.read_values", lambda file, header: values(file, header))

    def values(file, header):
        assert header.size < 100, "the perturbation, which is of another photo"
        return np.frombuffer(file.read(), header.dtype)

    with pytest.raises(InputError, match="does not fit the photo"):
        read_perturbations(tmp_path / "a.npz", (5, 4))
