#!/usr/bin/env python3
"""What a competing process costs Lamella's CPU engine, and its peers.

    compete.py BENCH_PEER [--cases S2,S3] [--threads N] [--max-rows N] [--rounds N] [--seconds S]

As compare.py, with peers that are installed, bound to as many cores as threads. In each round every
one of them is measured standalone and then beside a process that keeps the last of these cores busy all
the time. Prints how many times as long a call takes then: medians over the rounds of the means,
since the calls that wait for a thread without a core are few and long.
"""

import argparse
import contextlib
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import compare

ROWS = {"S1": [1_000_000], "S2": [256, 4096, 200_000], "S3": [256, 8192], "S4": [32, 1024], "S5": [512]}


@contextlib.contextmanager
def competing_process(core):
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"],
                               preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    time.sleep(0.1)  # until it is busy
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(bench_peer, folder, key, rows, arguments):
    """For each peer the mean seconds of a call alone, and how many times as long it takes beside the other."""
    peers = compare.start_peers(bench_peer, folder, key, rows, arguments.threads)
    busy_core = compare.cores_for(arguments.threads)[-1]
    standalone, ratios = ({peer.name: [] for peer in peers} for _ in range(2))
    for round_number in range(arguments.rounds):
        for peer in compare.in_turn(peers, round_number):
            peer.ask(arguments.seconds / 5)  # its threads are awake again
            standalone[peer.name].append(peer.ask(arguments.seconds)[1])
            with competing_process(busy_core):
                ratios[peer.name].append(peer.ask(arguments.seconds)[1] / standalone[peer.name][-1])
    for peer in peers:
        peer.close()
    return {name: (statistics.median(standalone[name]), statistics.median(ratios[name])) for name in standalone}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench_peer")
    parser.add_argument("--cases", default=",".join(ROWS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-rows", type=int, default=math.inf)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    arguments = parser.parse_args()
    names = ("lamella", "openblas", "onnxruntime", "torch")
    print("| network | rows | lamella alone us | lamella | OpenBLAS | ONNX Runtime | PyTorch |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for key in arguments.cases.split(","):
            for rows in (n for n in ROWS[key] if n <= arguments.max_rows):
                found = measure(arguments.bench_peer, pathlib.Path(folder), key, rows, arguments)
                cells = ["-".join(map(str, compare.NETWORKS[key][0])), f"{rows:,}", f"{1e6 * found['lamella'][0]:.4g}"]
                cells += [f"{found[name][1]:.2f}" if name in found else "" for name in names]
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
