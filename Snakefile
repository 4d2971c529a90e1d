# From photos to the thesis's tables and figures:
#
#   photo -> variance map -> attack -> saved query -> ranking ---> tables, figures
#                                             \-----> quality --/
#
# config/ says what to compute, profiles/ how to run it, rules/ one stage each; the package in workflow/ computes.
from snakemake.utils import min_version

min_version("9.27")


# A configuration given by --configfile replaces the demo; it is not mixed with it.
if not workflow.overwrite_configfiles:

    configfile: f"{workflow.current_basedir}/config/config.yaml"


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/recovery.smk"
include: "rules/downloads.smk"
include: "rules/data.smk"
include: "rules/variance.smk"
include: "rules/attack.smk"
include: "rules/saving.smk"
include: "rules/quality.smk"
include: "rules/retrieval.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/audit.smk"


localrules:
    all,
    tables,
    figures,
    variance,
    queries,


# The named targets; `variance` and `queries` stand in their stages' files.
rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.record_provenance.output,
        rules.lay_out_reproduction.output,
        rules.lay_out_overview.output,
        rules.audit.output if CONFIG.audit else [],
