"""What can go wrong while the workflow runs, one function a kind.

Each function takes a finished project, a part of whose results has been deleted (or whose configuration has been
changed), and a source of randomness. It runs the workflow, injects one fault at a random moment, sees the run to its
end, and mends the cause as a user would: frees the disk, makes the folder writable. It returns the results that may
still be damaged afterwards. The caller then calls the workflow once more.
"""

import contextlib
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import psutil
import pytest
import yaml

from tests.unit.download_server import serve
from tests.workflow.conftest import Project

Fault = Callable[[Project, Random], set[str]]
DEADLINE = 300
"""Seconds after which a run that does not end is a failure."""


# --- Processes are killed ---------------------------------------------------------------------------------------------


def kill_a_job(project: Project, random: Random) -> set[str]:
    """SIGKILL, as the system does when memory runs out. The other jobs go on, and the run fails."""
    with running(project) as run:
        a_job(run, random).kill()
        run.wait(DEADLINE)
    return set()


def terminate_a_job(project: Project, random: Random) -> set[str]:
    """SIGTERM to a job."""
    with running(project) as run:
        a_job(run, random).terminate()
        run.wait(DEADLINE)
    return set()


def kill_the_run(project: Project, random: Random) -> set[str]:
    """SIGKILL to everything at once: a container that is stopped, or a machine that is switched off."""
    with running(project) as run:
        a_job(run, random)
        kill_all(run)
    return set()


def kill_only_snakemake(project: Project, random: Random) -> set[str]:
    """SIGKILL to Snakemake alone: its jobs go on without it, while the next call starts."""
    with running(project) as run:
        a_job(run, random)
        run.kill()
        run.wait(DEADLINE)
    return set()


def terminate_the_run(project: Project, random: Random) -> set[str]:
    """SIGTERM to Snakemake, as `kill` and batch systems do. It lets its jobs finish."""
    with running(project) as run:
        a_job(run, random)
        run.terminate()
        run.wait(DEADLINE)
    return set()


def interrupt_the_run(project: Project, random: Random) -> set[str]:
    """Ctrl-C, which reaches Snakemake and its jobs."""
    with running(project) as run:
        a_job(run, random)
        for process in family(run):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        run.wait(DEADLINE)
    return set()


# --- The machine is short of something --------------------------------------------------------------------------------


def fill_the_disk(project: Project, random: Random) -> set[str]:
    """The disk of the results is full; later there is room again."""
    return on_a_full_disk(project, project.folder / "results", random)


def fill_the_disk_of_snakemake(project: Project, random: Random) -> set[str]:
    """The disk of the results and of Snakemake's own notes is full; later there is room again."""
    return on_a_full_disk(project, project.folder, random)


def make_read_only(project: Project, random: Random) -> set[str]:
    """A folder of the results cannot be written to."""
    folders = [project.folder / "results", *(path for path in (project.folder / "results").rglob("*") if path.is_dir())]
    with read_only(random.choice(folders)):
        project.snakemake("all")
    return set()


def take_memory(project: Project, random: Random) -> set[str]:
    """A job gets no more memory than it has, or a little more."""
    with running(project) as run:
        job = a_job(run, random)
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            limit = job.memory_info().vms + random.choice([0, 2**20, 2**26])
            resource.prlimit(job.pid, resource.RLIMIT_AS, (limit, limit))
        run.wait(DEADLINE)
    return set()


def break_the_transfer(project: Project, random: Random) -> set[str]:
    """A download breaks off, the run is killed, and the next call resumes it where it was."""
    data, name = random.randbytes(random.randrange(2, 200_000)), "large.bin"
    served = project.folder / "served"
    served.mkdir()
    (served / name).write_bytes(data)
    target = f"resources/downloads/{name}"
    part = project.folder / f"{target}.part"
    with serve(served) as server:
        cut = random.randrange(1, len(data))
        server.behave(name, cut_after=cut)
        sha256 = hashlib.sha256(data).hexdigest()
        known = {name: {"urls": [server.url(name)], "sha256": sha256, "megabytes": 1}}
        (project.folder / "downloads.yaml").write_text(yaml.safe_dump(known))
        project.configure(lambda config: config.update(downloads="downloads.yaml"))
        with running(project, target) as run:
            wait_until(lambda: part.exists() and part.stat().st_size == cut, run)
            kill_all(run)
        server.behave(name)
        done = project.snakemake(target)
        assert done.returncode == 0, done.output
        assert server.requests[-1].range == f"bytes={cut}-"
        project.configure(lambda config: config.pop("downloads"))
    assert (project.folder / target).read_bytes() == data
    assert [path.name for path in part.parent.iterdir()] == [name]
    return set()


# --- Files are damaged ------------------------------------------------------------------------------------------------


def remove(path: Path, random: Random) -> None:
    """Remove a file."""
    path.unlink()


def truncate(path: Path, random: Random) -> None:
    """Cut a file, a table within a line: between two lines it may look whole."""
    data = path.read_bytes()
    lengths = [length for length in range(len(data)) if path.suffix != ".csv" or data[length - 1 : length] != b"\n"]
    path.write_bytes(data[: random.choice(lengths)])


def overwrite(path: Path, random: Random) -> None:
    """Replace the content of a file by random bytes."""
    path.write_bytes(random.randbytes(max(1, path.stat().st_size)))


def between_runs(damage: Callable[[Path, Random], None]) -> Fault:
    """A file of a finished project is damaged, then the workflow is called."""

    def fault(project: Project, random: Random) -> set[str]:
        done = project.snakemake("all")
        assert done.returncode == 0, done.output
        damaged = random.choice(files(project))
        damage(damaged, random)
        return set()

    return fault


def during_a_run(damage: Callable[[Path, Random], None]) -> Fault:
    """A file is damaged while jobs run that may read it; a message then says which one to delete."""

    def fault(project: Project, random: Random) -> set[str]:
        with running(project) as run:
            a_job(run, random)
            damaged = random.choice(files(project))
            with contextlib.suppress(FileNotFoundError):  # Snakemake deletes outputs that are made again
                damage(damaged, random)
            run.wait(DEADLINE)
        for name in re.findall(r"cvpire: error: (results/.+?): .*(?:delete|remove) it", output_of(project)):
            (project.folder / name).unlink(missing_ok=True)
        # One that all its readers had read before is found out by the next reader, and may stay until then.
        return {name_of(damaged, project)}

    return fault


FAULTS: dict[str, Fault] = {
    **{
        fault.__name__: fault
        for fault in (
            kill_a_job,
            terminate_a_job,
            kill_the_run,
            kill_only_snakemake,
            terminate_the_run,
            interrupt_the_run,
            fill_the_disk,
            fill_the_disk_of_snakemake,
            make_read_only,
            take_memory,
            break_the_transfer,
        )
    },
    **{f"{damage.__name__}_between_runs": between_runs(damage) for damage in (remove, truncate, overwrite)},
    **{f"{damage.__name__}_during_a_run": during_a_run(damage) for damage in (remove, truncate, overwrite)},
}


# --- What they need ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(project: Project, target: str = "all") -> Iterator[subprocess.Popen]:
    """A run that has been started; what is left of it after an error is killed."""
    with (project.folder / "run.log").open("w") as log:
        run = project.start(target, stdout=log)
    try:
        yield run
    except BaseException:
        kill_all(run)
        raise


def output_of(project: Project) -> str:
    """What the run has said."""
    return (project.folder / "run.log").read_text()


def a_job(run: subprocess.Popen, random: Random) -> psutil.Process:
    """A job at a random moment: one of the first that start, some time after its start."""
    seen: set[int] = set()
    number, delay = random.randint(1, 4), random.random() ** 2 * 1.5
    while run.poll() is None:
        for process in family(run):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if any(Path(word).name == "cvpire" for word in process.cmdline()[:2]):
                    seen.add(process.pid)
                    if len(seen) >= number:
                        time.sleep(delay)
                        delay = 0
                        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                            return process
        time.sleep(0.01)
    raise AssertionError("the run has ended before it could be disturbed")


def family(run: subprocess.Popen) -> list[psutil.Process]:
    """A run and all its processes."""
    try:
        process = psutil.Process(run.pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill_all(run: subprocess.Popen) -> None:
    """SIGKILL to a run and all its processes; Snakemake first, so that it cannot tidy up."""
    processes = family(run)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    run.wait()
    psutil.wait_procs(processes)


def wait_until(condition: Callable[[], bool], run: subprocess.Popen) -> None:
    """Wait while a run goes on."""
    while not condition():
        assert run.poll() is None, f"the run has ended before it could be disturbed ({run.returncode})"
        time.sleep(0.01)


def files(project: Project) -> list[Path]:
    """Files that jobs have made, without their logs."""
    paths = sorted((project.folder / "results").rglob("*"))
    return [path for path in paths if path.is_file() and "logs" not in path.parts and path.name[0] != "."]


def name_of(path: Path, project: Project) -> str:
    """Name of a result, as `Project.results` gives it."""
    return str(path.relative_to(project.folder / "results"))


def mount(*arguments: str | Path) -> None:
    """Mount something, or skip the test where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@contextlib.contextmanager
def mounted(folder: Path, *arguments: str | Path) -> Iterator[None]:
    """Mount something on a folder while the block runs."""
    mount(*arguments, folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def on_a_full_disk(project: Project, folder: Path, random: Random) -> set[str]:
    """Run on a disk of its own that has only some kilobytes left, and take what was made back from there."""
    kept = folder.with_name("kept")
    folder.rename(kept)
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", "-o", "size=64m", "tmpfs"):
        subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)
        shutil.rmtree(kept)
        filler = folder / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(folder).free - 4096 * random.randint(0, 20)))
        done = project.snakemake("all")
        assert done.returncode == 0 or "space left" in done.output, done.output
        filler.unlink()
        subprocess.run(["cp", "-a", folder, kept], check=True)
    folder.rmdir()
    kept.rename(folder)
    return set()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder read-only; root, who may write everywhere, needs a mount for that."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
    else:
        with mounted(folder, "--bind", folder):
            mount("-o", "remount,bind,ro", folder)
            yield
