"""Photos are described in order, in batches of one size, while threads read the next ones."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cvpire.errors import InputError
from cvpire.retrieval.describing import describe_photos


def photo_paths(count):
    return [Path(f"photo {number}.jpg") for number in range(count)]


def reader(size):
    """Read photo `number` as pixels of size(number), all of that value."""

    def read(path):
        number = int(path.stem.split()[1])
        return np.full((*size(number), 3), number, dtype=np.uint8)

    return read


class Network:
    """Describes a photo by its first pixel; keeps the numbers of each batch."""

    def __init__(self):
        self.batches, self.threads = [], set()

    def describe_batch(self, pixels):
        self.batches.append(pixels[:, 0, 0, 0].tolist())
        self.threads.add(threading.current_thread())
        return pixels[:, 0, 0].astype(np.float32)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8, 200])
@pytest.mark.parametrize("threads", [1, 4])
def test_descriptors_follow_the_paths_whatever_shares_a_batch(batch_size, threads):
    sizes = np.random.default_rng(0).integers(1, 4, size=(100, 2)).tolist()
    network, done = Network(), []

    descriptors = describe_photos(
        photo_paths(100), network, reader(lambda number: sizes[number]), batch_size, threads, done.append
    )

    assert descriptors.dtype == np.float32
    np.testing.assert_array_equal(descriptors, np.repeat(np.arange(100)[:, None], 3, axis=1))
    assert all(len({tuple(sizes[number]) for number in batch}) == 1 for batch in network.batches)
    assert max(map(len, network.batches)) <= batch_size
    assert done == np.cumsum([len(batch) for batch in network.batches]).tolist()
    assert network.threads == {threading.current_thread()}


def test_each_photo_is_described_by_itself_unless_told_otherwise():
    network = Network()

    describe_photos(photo_paths(9), network, reader(lambda number: (4, 4)))

    assert network.batches == [[number] for number in range(9)]


def test_photos_of_one_size_wait_for_each_other():
    network = Network()

    describe_photos(photo_paths(14), network, reader(lambda number: (4, 5) if number % 2 else (5, 4)), batch_size=3)

    assert network.batches == [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11], [12], [13]]


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    "size", [lambda number: (4, 4), lambda number: (1, 1 + number)], ids=["one size", "all differ"]
)
def test_few_photos_are_in_memory_at_a_time(batch_size, size):
    threads, lock, started, described, most = 2, threading.Lock(), 0, 0, 0
    read = reader(size)

    def counted(path):
        nonlocal started, most
        with lock:
            started += 1
            most = max(most, started - described)
        return read(path)

    class Slow(Network):
        def describe_batch(self, pixels):
            nonlocal described
            time.sleep(0.003)  # let the readers come as far as they may
            with lock:
                described += len(pixels)
            return super().describe_batch(pixels)

    describe_photos(photo_paths(60), Slow(), counted, batch_size, threads)

    assert most <= threads + 5 * batch_size


def test_the_next_photo_is_read_while_the_network_runs():
    reading = threading.Event()
    read = reader(lambda number: (2, 2))

    def told(path):
        if path.stem == "photo 1":
            reading.set()
        return read(path)

    class Waiting(Network):
        def describe_batch(self, pixels):
            assert reading.wait(timeout=10)
            return super().describe_batch(pixels)

    assert len(describe_photos(photo_paths(2), Waiting(), told, threads=1)) == 2


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("bad", [0, 5, 99])
def test_a_photo_that_cannot_be_read(bad, batch_size):
    asked = []

    def read(path):
        asked.append(path)
        if path.stem == f"photo {bad}":
            raise InputError(f"{path}: not a photo")
        return np.zeros((2, 2, 3), np.uint8)

    with pytest.raises(InputError, match=f"^photo {bad}.jpg: not a photo$"):
        describe_photos(photo_paths(100), Network(), read, batch_size)

    assert len(asked) <= bad + 2 + 5 * batch_size, "the others are left alone"


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_photo_that_cannot_be_described(batch_size):
    class Demanding(Network):
        def describe_batch(self, pixels):
            if pixels.shape[1] < 3:
                raise InputError("a photo of 2 x 2 is too small")
            return super().describe_batch(pixels)

    read = reader(lambda number: (2, 2) if number == 7 else (9, 9))

    with pytest.raises(InputError, match=r"^photo 7\.jpg: a photo of 2 x 2 is too small$"):
        describe_photos(photo_paths(20), Demanding(), read, batch_size)


def test_other_errors_keep_their_type():
    class Faulty(Network):
        def describe_batch(self, pixels):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        describe_photos(photo_paths(20), Faulty(), reader(lambda number: (2, 2)))


def test_no_photos_have_no_descriptors():
    network = Network()

    descriptors = describe_photos([], network, reader(lambda number: (2, 2)))

    assert descriptors.shape == (0, 0)
    assert descriptors.dtype == np.float32
    assert network.batches == []
