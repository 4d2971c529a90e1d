"""The command line's frame: groups of commands, and how a run of one ends."""

import errno
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from cvpire import config
from cvpire.errors import InputError, lacks_memory

EVERYDAY, STAGES, DATA, RESULTS = "Everyday", "Stages, photo by photo", "Data", "Results"
"""What people want: titles of the groups in `cvpire --help`."""


class _Groups(TyperGroup):
    """Lists commands under the title of their group, in the order of the code."""

    def list_commands(self, context):
        return list(self.commands)

    def format_commands(self, context, formatter):
        groups = {title: [] for title in (EVERYDAY, STAGES, DATA, RESULTS)}
        widest = max(map(len, self.commands))
        for name, command in self.commands.items():
            text = command.get_short_help_str(formatter.width - widest - 6)
            groups[command.rich_help_panel].append((name.ljust(widest), text))
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


app = typer.Typer(
    cls=_Groups,
    help="Adversarial queries for image retrieval, bounded by colour variance (CV-PIRE), stage by stage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "check the permissions"),
}
"""What to do about a file that cannot be written or read."""

Photo = Annotated[Path, typer.Argument(help="A photo.", show_default=False)]
Output = Annotated[Path, typer.Argument(help="The file to write.", show_default=False)]
Stem = Annotated[Path, typer.Argument(help="Output without suffix, like results/figures/figure-4.3.")]
Root = Annotated[Path, typer.Option(help="Folder of the results.")]
DatasetFile = Annotated[Path, typer.Argument(help="dataset.json, see `cvpire dataset`.", show_default=False)]
Device = Annotated[config.Device, typer.Option(help=config.Config.model_fields["device"].description)]
Seed = Annotated[int, typer.Option(help=config.Config.model_fields["seed"].description, min=0)]
Threads = Annotated[int, typer.Option(help=config.Config.model_fields["threads"].description, min=0)]
Downloads = Annotated[
    Path | None, typer.Option(help="Addresses and checksums [default: the project's].", show_default=False)
]


def main() -> None:
    """Run the command line; bad input ends in one message and exit status 1."""
    logging.basicConfig(format="cvpire: %(levelname)s: %(message)s", level=logging.INFO)
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it tells how it was loaded
    try:
        app()
    except (InputError, ImportError, MemoryError, OSError, RuntimeError) as error:
        message = str(error) if isinstance(error, InputError) else _shortage(error)
        if message is None:
            raise
        _tell("".join(f"cvpire: error: {line}\n" for line in message.splitlines()))
        sys.exit(1)


def _tell(message: str) -> None:
    """Print on standard error; where that is a log on a full disk, on standard output."""
    try:
        sys.stderr.write(message)
        sys.stderr.flush()
    except OSError:
        sys.stdout.write(message)


def _shortage(error: BaseException) -> str | None:
    """Say what to do where the machine is at fault: memory, disk or permissions; None for everything else."""
    if lacks_memory(error):
        return "not enough memory; run again with fewer jobs at a time (--cores 1), or smaller photos (longest_side)"
    if not isinstance(error, OSError) or error.errno not in _REMEDIES:
        return None
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror}; {_REMEDIES[error.errno]} and run again, what is finished is kept"
