"""Whatever is killed, full or broken: one more call gives what an undisturbed run gives.

`make test-faults` injects 50 faults, `make test-faults INJECTIONS=200` more. A failure is repeated with the seed that
is printed at the beginning and the end: `pytest tests/faults --injections 50 --fault-seed SEED -k NAME`.
"""

from random import Random

from tests.faults.faults import FAULTS
from tests.workflow.conftest import Project

STAGES = [
    ["*/original/*.png"],
    ["*/variance/**/*.npy"],
    ["*/*/perturbation/*.npz"],
    ["*/*/queries/**/*.jpg"],
    ["*/*/quality/*.csv", "*/descriptors/**/shard-*"],
    ["*/*/retrieval/*.csv"],
]
"""Results of the stages that a run is made of; tables and figures follow from all of them."""


def pytest_generate_tests(metafunc):
    kinds = [list(FAULTS)[number % len(FAULTS)] for number in range(metafunc.config.getoption("injections", default=0))]
    names = [f"{kind}-{number}" for number, kind in enumerate(kinds)]
    metafunc.parametrize(("kind", "number"), list(zip(kinds, range(len(kinds)), strict=True)), ids=names)


def test_one_more_call_finishes(reference, project, kind, number, request, record_property):
    record_property("fault", kind)
    random = Random(f"{request.config.option.fault_seed} {number}")
    restore = leave_work(project, random)

    damaged = FAULTS[kind](project, random)

    restore()
    done = project.snakemake("all")
    assert done.returncode == 0, done.output
    expected, found = results(reference), results(project)
    assert {name for name in found if found[name] != expected.get(name)} <= damaged
    # An intermediate file that nothing needs any more is not made again.
    assert {name for name in expected.keys() - found.keys() if name.startswith(("tables", "figures"))} == set()
    assert not list(project.folder.rglob(".partial-*")), "half-written files stay"


def results(project: Project) -> dict[str, bytes]:
    """All results but the pages that say how long each stage took."""
    timed = {"overview.html", "reproduction.html", "reproduction.md"}
    return {name: data for name, data in project.results().items() if name not in timed}


def leave_work(project: Project, random: Random):
    """Give the run something to do: delete results from some stage on, or change a parameter. Return its undoing."""
    if random.random() < 0.25:
        project.configure(lambda config: config["variance"]["cv"].update(sigma=2.0))
        return lambda: project.configure(lambda config: config["variance"]["cv"].pop("sigma"))
    root = project.folder / "results"
    for pattern in [pattern for stage in STAGES[random.randrange(len(STAGES)) :] for pattern in stage]:
        for path in root.glob(pattern):
            if random.random() < 0.7:
                path.unlink()
    for path in [*root.glob("tables/*"), *root.glob("figures/*")]:
        path.unlink()
    return lambda: None
