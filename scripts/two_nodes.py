"""Train with torchrun on two nodes, and compare with two processes on one: the losses of every step must agree.

    python scripts/two_nodes.py [--steps 10]

The nodes are two network namespaces of this machine, joined by a virtual cable; that takes root and the command `ip`.
Otherwise they are two torchruns on this machine that take each other for another node. Gradients go through gloo. The
run's folder is on a disk that both nodes read, as it must be.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from generate_pictures import generate
from kill_training import differences, launch_forks, recipe, said

PORT = 29400  # of the first node, in a namespace of its own
SECONDS = 900
SCRIPT = Path(__file__).with_name("kill_training.py")


@contextlib.contextmanager
def namespaces() -> Iterator[list[tuple[list[str], str, str]]]:
    """Two hosts: what to put before a command, the address and the network interface of each.

    Raises:
        OSError, subprocess.CalledProcessError: this machine or user cannot make any.
    """
    names = [f"node{number}-{os.getpid()}" for number in (1, 2)]
    addresses = ["10.21.0.1", "10.21.0.2"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, addresses, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield [(["ip", "netns", "exec", name], address, "eth0") for name, address in zip(names, addresses, strict=True)]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def ip(*arguments: str) -> None:
    """Call the command."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def torchrun(node: int, before: list[str], first: str, port: int, arguments: list[str]) -> list[str]:
    """The command of one node, given the address of the first."""
    return [
        *before, sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1",
        f"--node-rank={node}", f"--master-addr={first}", f"--master-port={port}", *arguments,
    ]  # fmt: skip


def train_on(hosts: list[tuple[list[str], str, str]], port: int, arguments: list[str]) -> list[str]:
    """Run both nodes; returns what those said that failed."""
    running = []
    for node, host in enumerate(hosts):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": host[2]}
        command = torchrun(node, host[0], hosts[0][1], port, arguments)
        print(f"node {node}: GLOO_SOCKET_IFNAME={host[2]} {' '.join(command)}", flush=True)
        running.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    said = [process.communicate(timeout=SECONDS)[0] for process in running]
    return [text for text, process in zip(said, running, strict=True) if process.returncode]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        place = Path(folder)
        generate(place / "pictures", count=7, side=48)
        port = PORT
        try:
            if shutil.which("ip") is None:
                raise OSError("there is no command `ip`")
            hosts = stack.enter_context(namespaces())
            kind = "two network namespaces"
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no namespaces here ({error}): both nodes share this machine's network")
            loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
            hosts, kind = [([], "127.0.0.1", loopback)] * 2, "two torchruns on one machine"
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
        failed = train_on(hosts, port, [str(SCRIPT), "--train", folder, "nodes", str(steps)])
        if not failed and not launch_forks(recipe(place, "unbroken", steps), place).finish():
            failed = [said(place)]
        wrong = failed or differences(recipe(place, "nodes", steps), recipe(place, "unbroken", steps))
    print("\n".join(wrong) or f"{kind}: {steps} steps with the losses of two processes on one node")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
