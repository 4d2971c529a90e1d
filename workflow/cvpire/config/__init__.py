"""Every option of the project, once: name, meaning, unit, range and default.

The Snakefile validates the configuration with these models, the command line makes its options from them, and
`config/schema.json`, which editors use, is generated from them (`cvpire schema`).

Where the thesis's text and its released code differ, the choice is an option here. Its default is what the text says;
`RELEASED` lists what the code does. `preset: text` or `preset: released` sets them all, and an option that is given
overrides the preset.

One file a group of sections; those of a kind of dataset stand in its module (`cvpire.datasets.kinds`).
"""

from cvpire.config.attacks import AttackOptions, SavingOptions
from cvpire.config.evaluation import GateOptions, QualityOptions, RetrievalOptions
from cvpire.config.networks import NetworkOptions
from cvpire.config.outputs import FigureOptions, TableOptions
from cvpire.config.presets import RELEASED, preset_values
from cvpire.config.run import Config, Device, Preset, load_config, read_config, schema
from cvpire.config.sources import AuditOptions, DistractorOptions, DownloadOptions
from cvpire.config.variance import VarianceOptions
from cvpire.datasets.options import PhotoOptions
from cvpire.options import as_options, validate

__all__ = [
    "RELEASED",
    "AttackOptions",
    "AuditOptions",
    "Config",
    "Device",
    "DistractorOptions",
    "DownloadOptions",
    "FigureOptions",
    "GateOptions",
    "NetworkOptions",
    "PhotoOptions",
    "Preset",
    "QualityOptions",
    "RetrievalOptions",
    "SavingOptions",
    "TableOptions",
    "VarianceOptions",
    "as_options",
    "load_config",
    "preset_values",
    "read_config",
    "schema",
    "validate",
]
