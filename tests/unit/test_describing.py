"""Photos are described in order, each by itself, while threads read the next ones."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cvpire.config import PhotoOptions
from cvpire.errors import InputError
from cvpire.retrieval.describing import describe_photos, describe_shard, reader
from PIL import Image


def photo_paths(count):
    return [Path(f"photo {number}.jpg") for number in range(count)]


def reader_of(size):
    """Read photo `number` as pixels of size(number), all of that value."""

    def read(path):
        number = int(path.stem.split()[1])
        return np.full((*size(number), 3), number, dtype=np.uint8)

    return read


class Network:
    """Describes a photo by its first pixel; keeps the photos' numbers and sizes."""

    def __init__(self):
        self.numbers, self.sizes, self.threads = [], [], set()

    def describe(self, pixels):
        self.numbers.append(int(pixels[0, 0, 0]))
        self.sizes.append(pixels.shape[:2])
        self.threads.add(threading.current_thread())
        return pixels[0, 0].astype(np.float32)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


@pytest.mark.parametrize("threads", [1, 4])
def test_descriptors_follow_the_paths_each_of_a_photo_by_itself(threads):
    sizes = np.random.default_rng(0).integers(1, 4, size=(100, 2)).tolist()
    network, done = Network(), []

    descriptors = describe_photos(
        photo_paths(100), network, reader_of(lambda number: sizes[number]), threads, done.append
    )

    assert descriptors.dtype == np.float32
    np.testing.assert_array_equal(descriptors, np.repeat(np.arange(100)[:, None], 3, axis=1))
    assert network.numbers == list(range(100))
    assert network.sizes == [tuple(size) for size in sizes]
    assert done == list(range(1, 101))
    assert network.threads == {threading.current_thread()}


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_few_photos_are_in_memory_at_a_time(threads):
    lock, started, described, most = threading.Lock(), 0, 0, 0
    read = reader_of(lambda number: (1, 1 + number))

    def counted(path):
        nonlocal started, most
        with lock:
            started += 1
            most = max(most, started - described)
        return read(path)

    class Slow(Network):
        def describe(self, pixels):
            nonlocal described
            time.sleep(0.003)  # let the readers come as far as they may
            with lock:
                described += 1
            return super().describe(pixels)

    describe_photos(photo_paths(60), Slow(), counted, threads)

    assert most <= threads + 1


def test_the_next_photo_is_read_while_the_network_runs():
    reading = threading.Event()
    read = reader_of(lambda number: (2, 2))

    def told(path):
        if path.stem == "photo 1":
            reading.set()
        return read(path)

    class Waiting(Network):
        def describe(self, pixels):
            assert reading.wait(timeout=10)
            return super().describe(pixels)

    assert len(describe_photos(photo_paths(2), Waiting(), told, threads=1)) == 2


@pytest.mark.parametrize("bad", [0, 5, 99])
def test_a_photo_that_cannot_be_read(bad):
    asked = []

    def read(path):
        asked.append(path)
        if path.stem == f"photo {bad}":
            raise InputError(f"{path}: not a photo")
        return np.zeros((2, 2, 3), np.uint8)

    with pytest.raises(InputError, match=f"^photo {bad}.jpg: not a photo$"):
        describe_photos(photo_paths(100), Network(), read)

    assert len(asked) <= bad + 2 + 1, "the others are left alone"


def test_a_photo_that_cannot_be_described():
    class Demanding(Network):
        def describe(self, pixels):
            if pixels.shape[0] < 3:
                raise InputError("a photo of 2 x 2 is too small")
            return super().describe(pixels)

    read = reader_of(lambda number: (2, 2) if number == 7 else (9, 9))

    with pytest.raises(InputError, match=r"^photo 7\.jpg: a photo of 2 x 2 is too small$"):
        describe_photos(photo_paths(20), Demanding(), read)


def test_descriptors_of_different_length():
    class Columns:
        def describe(self, pixels):
            return np.ones(pixels.shape[1], np.float32)

    sizes = [(2, 4), (3, 4), (2, 1), (2, 5)]
    with pytest.raises(
        InputError, match=r"^photo 2\.jpg: a descriptor of 1 value, and 4 for the photos before it; .* have one length$"
    ):
        describe_photos(photo_paths(4), Columns(), reader_of(lambda number: sizes[number]))


def test_other_errors_keep_their_type():
    class Faulty(Network):
        def describe(self, pixels):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        describe_photos(photo_paths(20), Faulty(), reader_of(lambda number: (2, 2)))


def test_no_photos_have_no_descriptors():
    network = Network()

    descriptors = describe_photos([], network, reader_of(lambda number: (2, 2)))

    assert descriptors.shape == (0, 0)
    assert descriptors.dtype == np.float32
    assert network.numbers == []


def test_an_empty_shard_loads_no_network():
    def load():
        raise AssertionError("nobody needs a network")

    descriptors = describe_shard({}, load, PhotoOptions())

    assert (descriptors.shape, descriptors.dtype) == ((0, 0), np.float32)


def test_the_photos_of_a_shard_are_read_as_the_options_say(tmp_path, capfd):
    found = {}
    for number in (3, 1, 2):
        found[f"photo {number}"] = tmp_path / f"{number}.png"
        Image.fromarray(np.full((20, 40, 3), number, np.uint8)).save(found[f"photo {number}"])
    network, options = Network(), PhotoOptions(longest_side=16)

    descriptors = describe_shard(found, lambda: network, options, "shard-007")

    assert descriptors.tolist() == [[3, 3, 3], [1, 1, 1], [2, 2, 2]]
    assert network.sizes == [(8, 16)] * 3
    np.testing.assert_array_equal(reader(options)(found["photo 1"]), np.full((8, 16, 3), 1))
    assert capfd.readouterr().err == "shard-007: done\n"
