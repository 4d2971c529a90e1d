#!/bin/bash
# The whole run as one Slurm job on one node. From the project's folder, with any options of snakemake:
#
#   sbatch profiles/gpu/pilot.sh --configfile config/thesis.yaml
#
# Submit it again to go on after a failure or the end of its time; what is finished stays.
#SBATCH --job-name=cvpire
#SBATCH --partition=gpu
#SBATCH --nodes=1 --ntasks=1
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --output=pilot-%j.log
# Ten minutes before the end of its time, start no more jobs and let those that run finish.
#SBATCH --signal=B:TERM@600
set -euo pipefail
export PATH="$PWD/.venv/bin:$PATH"

# `exec`, so that the signal reaches Snakemake. Options that take several values come first: files may follow.
exec snakemake --resources gpu="${SLURM_GPUS_ON_NODE:-1}" --cores "$SLURM_CPUS_PER_TASK" \
    --workflow-profile profiles/gpu "$@"
