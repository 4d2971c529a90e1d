# What the rules share: the plan of the run, and the little that only Snakemake can do with it.
import json
import os
import re
import shlex
import sys
from pathlib import Path

from cvpire import layout, snakemake_parts
from cvpire.config import as_options
from cvpire.config.transformations import as_words
from cvpire.errors import InputError
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.plan import attacking, code, databases, inputs, outputs
from cvpire.plan.run import Plan
from cvpire.results import as_json
from cvpire.sources import sources as package_sources
from cvpire.tables.catalogue import caption_of
from snakemake.logging import logger

# Jobs find `cvpire` beside the Python that runs Snakemake, whether or not its environment is activated.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def checked(function, *arguments):
    """Call a function; bad input ends the run with its message alone."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(str(error))


PLAN = checked(
    Plan.of, config, ", ".join(os.path.relpath(path) for path in workflow.configfiles), snakemake_parts.given(workflow)
)
CONFIG = PLAN.config
checked(inputs.check_paths, PLAN)

# What is left out is said here, since nobody reads the log of a job that did its work; jobs do not repeat it.
if workflow.is_main_process:
    for dataset, told in PLAN.notes.items():
        for note in told:
            logger.warning(f"datasets.{dataset}: {note}.")


def sources(*modules: str) -> list[str]:
    """Package files that a stage is made of, relative to where the run is."""
    return [os.path.relpath(path) for path in checked(package_sources, *modules)]


wildcard_constraints:
    dataset="[^/]+",
    # Not `original`, whose folder lies beside those of the attacks.
    attack="|".join(map(re.escape, [*CONFIG.attacks, layout.PLAIN])),
    victim="[^/]+",
    map="[^/]+",
    photo="[^/]+",
    transformation="[^/]+",
    shard=r"\d+",
