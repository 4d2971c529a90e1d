"""What the machine can do at most: the floor under every stage is its operations or its bytes over these."""

import time

import torch


def peaks(rounds: int = 5) -> dict[str, float]:
    """Best rates of one processor thread and of the GPU: products of float32 matrices, and copies of memory."""
    found = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        side, name = (2048, "core") if device == "cpu" else (8192, "gpu")
        matrix = torch.rand(side, side, device=device)
        other = torch.empty_like(matrix)
        large = torch.rand(2**26, device=device)
        copy = torch.empty_like(large)
        product = _best(lambda: torch.mm(matrix, matrix, out=other), rounds)  # noqa: B023
        found[f"{name}_gflops"] = 2 * side**3 / product / 1e9
        # A copy reads and writes.
        found[f"{name}_gigabytes_per_second"] = 2 * large.nbytes / _best(lambda: copy.copy_(large), rounds) / 1e9  # noqa: B023
    torch.set_num_threads(threads)
    return {name: round(value, 1) for name, value in found.items()}


def _best(run, rounds: int) -> float:
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
