#!/usr/bin/env python3
"""Lamella's CPU engine beside its peers, in one interleaved run.

    compare.py BENCH_PEER [--json FILE] [--cases S1,S2] [--threads 1,2]
               [--max-rows N] [--rounds N] [--seconds S]

BENCH_PEER is the program of that name in the build folder. This Python's onnxruntime and torch take
part where they are installed, OpenBLAS where bench_peer was built with it. Each peer runs in a
process of its own, bound to as many cores as it has threads; outputs must agree before times count;
in each round all take turns. Prints a line for each network, number of rows and threads: medians
over the rounds, and the ratio to the best peer, the median of each round's own ratio. Ends with the
geometric means of these ratios over all lines, for the best peer and for each.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import numpy

NETWORKS = {
    "S1": ([3, 4, 2], [1, 1024, 1_000_000]),
    "S2": ([64, 64, 64, 10], [1, 64, 4096, 1_000_000]),
    "S3": ([784, 512, 512, 10], [1, 256, 60_000]),
    "S4": ([1024] * 5, [32, 1024, 16_384]),
    "S5": ([4096] * 3, [512]),
}
OUTPUTS_MAY_DIFFER_BY = 1e-4  # relative to the largest
HERE = pathlib.Path(__file__).resolve().parent


def write_model(path, widths):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = numpy.random.default_rng(1)
    nodes, values, name = [], [], "x"
    for n, (k, m) in enumerate(zip(widths, widths[1:]), 1):
        weight = (random.standard_normal((m, k)) * math.sqrt(2 / k)).astype(numpy.float32)
        bias = (random.standard_normal(m) / 10).astype(numpy.float32)
        values += [numpy_helper.from_array(weight, f"w{n}"), numpy_helper.from_array(bias, f"b{n}")]
        nodes.append(helper.make_node("Gemm", [name, f"w{n}", f"b{n}"], [f"z{n}"], transB=1))
        name = f"z{n}"
        if n < len(widths) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"h{n}"]))
            name = f"h{n}"
    tensor = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
    graph = helper.make_graph(nodes, "mlp", [tensor("x", widths[0])], [tensor(name, widths[-1])], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


class Peer:
    """A process that answers how long a call takes, median and mean."""

    def __init__(self, name, command, cores):
        self.name = name
        # OpenBLAS, which bench_peer links, starts its threads with the program, and they spin for a tenth of a second.
        threads = {"OMP_NUM_THREADS": str(len(cores)), "OPENBLAS_NUM_THREADS": str(len(cores) if name == "openblas" else 1)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | threads,
            preexec_fn=lambda: os.sched_setaffinity(0, cores))
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{name} could not be started")

    def ask(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def check_outputs(outputs, reference, name):
    """As a float32 result may differ from another: by the size of the largest output. Returns by how much."""
    if outputs.shape != reference.shape:
        raise SystemExit(f"{name} computes something else: its outputs are {outputs.shape}, not {reference.shape}")
    difference = numpy.abs(outputs - reference).max() / max(numpy.abs(reference).max(), 1e-30)
    if not difference < OUTPUTS_MAY_DIFFER_BY:
        raise SystemExit(f"{name} computes something else: its outputs differ by {difference:.2g}")
    return float(difference)


def has_openblas(bench_peer):
    usage = subprocess.run([bench_peer, "openblas", "-", "-", "-", "1"], capture_output=True, text=True)
    return "is no engine" not in usage.stderr


def start_peers(bench_peer, folder, key, rows, threads):
    """Lamella and its peers, each bound to as many cores, once their outputs have been found to agree."""
    widths = NETWORKS[key][0]
    model = folder / f"{key}.onnx"
    if not model.exists():
        write_model(model, widths)
    rows_file = folder / "rows.npy"
    numpy.save(rows_file, numpy.random.default_rng(2).standard_normal((rows, widths[0]), numpy.float32))
    names = ["lamella"] + (["openblas"] if has_openblas(bench_peer) else [])
    names += [name for name in ("onnxruntime", "torch") if importlib.util.find_spec(name)]
    peers, reference = [], None
    for name in names:
        program = [sys.executable, HERE / "peer.py"] if name in ("onnxruntime", "torch") else [bench_peer]
        output = folder / "outputs"
        peers.append(Peer(name, [*program, name, model, rows_file, output, str(threads)], cores_for(threads)))
        outputs = numpy.fromfile(output, dtype=numpy.float32)
        if reference is None:
            reference = outputs
        check_outputs(outputs, reference, name)
    return peers


def cores_for(threads):
    return sorted(os.sched_getaffinity(0))[:threads]


def in_turn(peers, round_number):
    turn = round_number % len(peers)
    return peers[turn:] + peers[:turn]


def measure(bench_peer, folder, key, rows, threads, arguments):
    widths = NETWORKS[key][0]
    peers = start_peers(bench_peer, folder, key, rows, threads)
    roofline = Peer("roofline", [bench_peer, "roofline", "-", "-", "-", str(threads)], cores_for(threads))
    times = {peer.name: [] for peer in peers}
    limits = []
    for peer in peers:
        peer.ask(arguments.seconds / 2)  # warm-up
    for round_number in range(arguments.rounds):
        limits.append(roofline.ask(0))
        for peer in in_turn(peers, round_number):
            times[peer.name].append(peer.ask(arguments.seconds)[0])
    for peer in [*peers, roofline]:
        peer.close()
    others = [peer.name for peer in peers if peer.name != "lamella"]
    gflop = rows * sum(2 * k * m + m for k, m in zip(widths, widths[1:])) / 1e9
    best = min(others, key=lambda name: statistics.median(times[name]))
    ratios = [min(times[name][i] for name in others) / times["lamella"][i] for i in range(arguments.rounds)]
    peak = statistics.median(limit[0] for limit in limits)
    return {
        "case": key, "network": "-".join(map(str, widths)), "rows": rows, "threads": threads,
        "seconds": {name: statistics.median(values) for name, values in times.items()},
        "best_peer": best, "ratio": statistics.median(ratios),
        "gflops": gflop / statistics.median(times["lamella"]), "peak_gflops": peak,
        "share_of_peak": statistics.median(gflop / t / limit[0] for t, limit in zip(times["lamella"], limits)),
        "bandwidth_gb_per_s": statistics.median(limit[1] for limit in limits),
        "rounds": {name: values for name, values in times.items()},
    }


def ratio_to(name, rounds):
    """The median of each round's own."""
    return statistics.median(peer / own for peer, own in zip(rounds[name], rounds["lamella"]))


def mean_and_least(ratios):
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    return f"geometric mean {mean:.2f}, least {min(ratios):.2f}"


def line_of(result):
    seconds = result["seconds"]
    cells = [f"{result['case']} {result['network']}", f"{result['rows']}", f"{result['threads']}"]
    for name in ("lamella", "openblas", "onnxruntime", "torch"):
        cells.append(f"{1e6 * seconds[name]:.4g}" if name in seconds else "")
    cells += [f"{result['ratio']:.2f}", f"{result['gflops']:.4g}", f"{100 * result['share_of_peak']:.1f}"]
    return "| " + " | ".join(cells) + " |"


def versions(packages):
    found = {"python": platform.python_version()}
    for name in ("numpy", *packages):
        if importlib.util.find_spec(name):
            found[name] = importlib.metadata.version(name)
    with open("/proc/cpuinfo") as file:
        model = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    commit = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty", "--exclude=*"],
                            capture_output=True, text=True)
    return found | {"processor": model[0] if model else platform.processor(), "cores": os.cpu_count(),
                    "commit": commit.stdout.strip()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench_peer")
    parser.add_argument("--json")
    parser.add_argument("--cases", default=",".join(NETWORKS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--max-rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2)
    arguments = parser.parse_args()
    results = []
    print("| network | rows | threads | lamella us | OpenBLAS us | ONNX Runtime us | PyTorch us | ratio | GFLOP/s | % of peak |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for key in arguments.cases.split(","):
            for rows in (n for n in NETWORKS[key][1] if n <= arguments.max_rows):
                for threads in map(int, arguments.threads.split(",")):
                    results.append(measure(arguments.bench_peer, pathlib.Path(folder), key, rows, threads, arguments))
                    print(line_of(results[-1]), flush=True)
    print(f"\nbest peer / lamella: {mean_and_least([result['ratio'] for result in results])}")
    for name in ("openblas", "onnxruntime", "torch"):
        ratios = [ratio_to(name, result["rounds"]) for result in results if name in result["rounds"]]
        if ratios:
            print(f"{name} / lamella: {mean_and_least(ratios)}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"versions": versions(["onnxruntime", "torch"]), "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
