"""One run a folder; what a killed run leaves behind stops the next only where it may have left jobs."""

import os
import socket
import subprocess
import sys
import time

import pytest
from cvpire.errors import InputError
from cvpire.run_lock import hold

HOLD = "import sys, pathlib; from cvpire.run_lock import hold; hold(pathlib.Path(sys.argv[1])); print(1, flush=True); "
HERE = f" on {socket.gethostname()}"


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / ".snakemake"
    folder.mkdir()
    return folder


@pytest.fixture
def run(notes):
    """Starts a process that holds the lock and then does something, and waits until it has the lock."""
    started = []

    def start(then: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", HOLD + then, notes], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "1\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def in_another(notes, *, local=True) -> str:
    """What a further run says, if it may not start."""
    command = f"from pathlib import Path; from cvpire.run_lock import hold; hold(Path({str(notes)!r}), {local})"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    return done.stderr.strip().partition("InputError: ")[2] if done.returncode else ""


def test_a_run_that_lives_keeps_others_out_also_after_unlock(run, notes):
    first = run("import time; time.sleep(600)")
    assert f"another run is working here (process {first.pid}{HERE})" in in_another(notes)
    (notes / "locks" / "run.lock").unlink()
    assert f"another run is working here (process {first.pid}{HERE})" in in_another(notes)
    assert f"another run is working here (process {first.pid}{HERE})" in in_another(notes, local=False)


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(1)", "raise KeyboardInterrupt"])
def test_a_run_that_ends_leaves_nothing(run, notes, end):
    run(end).wait()
    assert list((notes / "locks").iterdir()) == []
    assert in_another(notes, local=False) == ""


def test_what_a_killed_run_leaves_stops_only_runs_on_a_cluster(run, notes):
    killed = run("import time; time.sleep(600)")
    killed.kill()
    killed.wait()
    message = in_another(notes, local=False)
    assert f"process {killed.pid}{HERE}" in message
    assert "--unlock" in message
    assert in_another(notes) == ""
    assert in_another(notes, local=False) == "", "the run before has tidied up"


def test_a_run_on_another_machine_may_live(notes):
    (notes / "locks").mkdir()
    (notes / "locks" / "run.lock").touch()
    (notes / "run.lock").write_text("process 1 on elsewhere")
    with pytest.raises(InputError, match=r"process 1 on elsewhere[^$]*--unlock"):
        hold(notes)
    (notes / "locks" / "run.lock").unlink()
    assert in_another(notes) == ""


def test_snakemakes_own_lock_is_not_taken_for_a_run(notes):
    (notes / "locks").mkdir()
    (notes / "locks" / "0.input.lock").touch()
    assert in_another(notes) == ""
    assert (notes / "locks" / "0.input.lock").exists()


def test_a_file_system_without_locks(notes, monkeypatch):
    """The file alone says whether a run works; the system does not tell whether it lives."""

    def flock(file, mode):
        raise OSError("not supported")

    monkeypatch.setattr("fcntl.flock", flock)
    kept = []
    monkeypatch.setattr("atexit.register", lambda *call: kept.append(call))
    hold(notes)
    with pytest.raises(InputError, match=f"process {os.getpid()}"):
        hold(notes)
    ((let_go, *arguments),) = kept
    let_go(*arguments)
    hold(notes)


def test_jobs_that_a_killed_run_has_left_are_waited_for(run, notes, tmp_path):
    killed = run("import time; time.sleep(600)")
    killed.kill()
    killed.wait()
    job = tmp_path / "cvpire"
    job.write_text("import time; time.sleep(3)")
    left = subprocess.Popen([sys.executable, job], cwd=tmp_path)
    start = time.monotonic()
    command = f"from pathlib import Path; from cvpire.run_lock import hold; hold(Path({str(notes)!r}))"
    next_run = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.PIPE, text=True)
    while next_run.poll() is None:
        if left.poll() is None:  # reaps it, which the run that started it would not do
            assert time.monotonic() - start < 60
        time.sleep(0.05)
    assert next_run.returncode == 0
    assert f"(processes {left.pid})" in next_run.stderr.read()
    assert left.returncode == 0
