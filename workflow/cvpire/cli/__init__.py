"""The command line: `cvpire COMMAND`.

Every rule of the workflow calls one of these commands, and every option has the name that the configuration gives it.
A command reads its arguments, calls what computes, and writes what comes out; what computes lies elsewhere, where
`cvpire.sources` sees it. Commands import what they need when they run, so that `cvpire --help` is quick and saving a
photo does not load a neural network library.
"""

from cvpire.cli import data, everyday, outcomes, retrieval, stages
from cvpire.cli.frame import app, main

__all__ = ["app", "data", "everyday", "main", "outcomes", "retrieval", "stages"]
