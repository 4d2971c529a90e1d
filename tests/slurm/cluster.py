"""A real Slurm of one node in a folder: installed where that is possible, started, asked, stopped."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PACKAGES = ["slurm-wlm", "slurm-client", "slurmctld", "slurmd", "munge"]
COMMANDS = ["munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol"]

# The GPUs are /dev/null and /dev/zero: Slurm counts them and gives them to jobs, which compute on the processor. More
# processors and memory are claimed than there are: what the profile asks for must fit, and jobs here wait more than
# they compute.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=200000 Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=UNLIMITED DefMemPerCPU=500 OverSubscribe=NO State=UP
PartitionName=gpu Nodes={host} MaxTime=UNLIMITED DefMemPerCPU=500 State=UP
"""


class NoSlurm(Exception):
    """Slurm cannot be had here, and why."""


def install() -> None:
    """Install Slurm from Debian's packages, where it is not there already, or raise `NoSlurm`."""
    if os.geteuid() != 0:
        raise NoSlurm("only root can install Slurm and start its daemons")
    if all(map(shutil.which, COMMANDS)):
        return
    if not shutil.which("apt-get"):
        raise NoSlurm("Slurm is not installed, and there is no apt-get to install it with")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for before in (["true"], ["apt-get", "update"]):  # an old list of packages names files that are gone
        subprocess.run(before, capture_output=True)
        done = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode == 0:
            return
    raise NoSlurm(f"Slurm cannot be installed: {done.stdout.strip().splitlines()[-1]}")


class Slurm:
    """A running Slurm: one node with two GPUs, the partitions `cpu` and `gpu`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SLURM_")},
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
        }

    def start(self) -> None:
        """Start the daemons and wait for the node to be idle."""
        host, folder = socket.gethostname().split(".")[0], self.folder
        for part in ("state", "spool", "bin"):
            (folder / part).mkdir(parents=True)
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                host=host,
                folder=folder,
                controller_port=free_port(),
                node_port=free_port(),
            )
        )
        (folder / "gres.conf").write_text("".join(f"Name=gpu File=/dev/{name}\n" for name in ("null", "zero")))
        # The executor clears SLURM_* before the srun in a job, and with it where this Slurm's configuration is.
        shim = folder / "bin" / "srun"
        shim.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        shim.chmod(0o755)
        self.call("mungekey", "--create", f"--keyfile={folder}/munge.key")
        names = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid", "log-file": "munged.log"}
        names["seed-file"] = "munged.seed"
        # Munge refuses folders that others may write to, as those under /tmp are.
        self.call("munged", "--force", *(f"--{option}={folder / name}" for option, name in names.items()))
        self.call("slurmctld", "-c")
        self.call("slurmd")
        wait_for(lambda: "idle" in self.call("sinfo", "--noheader", "--format=%T"), 30, "an idle node")

    def stop(self) -> None:
        """Cancel the jobs and stop the daemons, also where only some of them have started."""
        try:
            self.call("scancel", "--user=root")
            wait_for(lambda: not self.call("squeue", "--noheader"), 30, "the end of all jobs")
        finally:
            daemons = [int(path.read_text()) for path in self.folder.glob("*.pid")]
            for daemon in daemons:
                os.kill(daemon, signal.SIGTERM)
            wait_for(lambda: not any(Path(f"/proc/{daemon}").exists() for daemon in daemons), 30, "the daemons' end")

    def call(self, *command: str) -> str:
        """Run a command of this Slurm and return what it prints."""
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that Slurm remembers, in the order of submission, with what `scontrol show job` says of them."""
        lines = self.call("scontrol", "--oneliner", "show", "job").splitlines()
        fields = [re.findall(r"(\S+?)=(.*?)(?= +\S+?=| *$)", line) for line in lines if line.startswith("JobId=")]
        return [dict(pairs) for pairs in fields]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds: float, what: str) -> None:
    """Wait until a condition holds."""
    for _ in range(int(seconds / 0.2)):
        if condition():
            return
        time.sleep(0.2)
    raise TimeoutError(f"waited {seconds} s for {what}")
