# One run a folder, and how a run goes on after another that was killed, or after its files were damaged.
from cvpire import run_lock, snakemake_parts

snakemake_parts.replace()


# Once a run is planned, before its first job. Jobs do not come here: Snakemake calls them with --no-hooks.
onstart:
    checked(run_lock.hold, workflow.persistence.path, workflow.local_exec)
    snakemake_parts.lift_rate_limit(workflow)
