"""Fixtures that several test files share."""

import pytest


@pytest.fixture(scope="module")
def one_thread():
    """Let torch compute on one thread: small tensors are not worth more, and tests run beside each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
