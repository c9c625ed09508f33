#!/usr/bin/env python3
"""The whole job, a table in and scores out: `lamella run` beside Python with ONNX Runtime.

    whole_job.py LAMELLA [--json FILE] [--rows N] [--rounds N] [--threads N] [--environment FOLDER]

LAMELLA is the command, as build/cpu/bin/lamella. Each program is a process that reads a csv table of 64
columns, computes the network 64-64-64-10 and writes its outputs as csv: `lamella run`, and pandas,
pyarrow or numpy with ONNX Runtime (table_peer.py). All have the same number of threads, by default one
for each core, and in each round all take turns. Their outputs must agree before times count. The same
for a table of one row: what it takes to start.

Prints a line for each: medians over the rounds, with minimum and maximum, and ratios to Lamella, the
medians of each round's own. The peers are installed into FOLDER, by default bench_environment in the
build folder.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
LIBRARIES = ("pandas", "pyarrow", "numpy")
# A setting for old builds of OpenBLAS slows a current numpy; the count of threads is an argument of each program.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS")


def enter_environment(folder):
    """Goes on in the environment's Python."""
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
                    "-r", HERE / "requirements.txt"], check=True)
    os.execv(python, [python, *sys.argv])


def write_rows(path, rows, columns):
    import numpy
    import pyarrow
    from pyarrow import csv

    values = numpy.random.default_rng(2).standard_normal((columns, rows), numpy.float32)
    table = pyarrow.table({f"x{i}": column for i, column in enumerate(values)})
    with open(path, "wb") as file:
        file.write(",".join(table.column_names).encode() + b"\n")
        csv.write_csv(table, file, csv.WriteOptions(include_header=False))


def read_scores(path):
    import numpy
    from pyarrow import csv

    table = csv.read_csv(path, csv.ReadOptions(autogenerate_column_names=True))
    return numpy.stack([column.to_numpy() for column in table.columns], axis=1)


def run(name, command):
    environment = {key: value for key, value in os.environ.items() if key not in UNSET}
    result = subprocess.run([sys.executable, "-S", "-E", HERE / "child_usage.py", *command], capture_output=True, text=True,
                            env=environment)
    if result.returncode != 0:
        raise SystemExit(f"{name}: {result.stderr}")
    return json.loads(result.stdout)


def measure(job, rows, rounds, commands, folder):
    """What each program costs in each round, once its scores have been found to agree."""
    import compare

    write_rows(folder / "rows.csv", rows, compare.NETWORKS["S2"][0][0])
    names = list(commands)
    used, differences, reference = {name: [] for name in names}, dict.fromkeys(names, 0.0), None
    for round_number in range(-1, rounds):  # the first warms up
        for name in compare.in_turn(names, max(round_number, 0)):
            scores_file = folder / "scores.csv"
            scores_file.unlink(missing_ok=True)
            usage = run(name, commands[name])
            scores = read_scores(scores_file)
            reference = scores if reference is None else reference
            differences[name] = max(differences[name], compare.check_outputs(scores, reference, name))
            if round_number >= 0:
                used[name].append(usage)
    return [summary(job, name, used[name], used[names[0]], differences[name]) for name in names]


def summary(job, name, used, lamella, difference):
    result = {"job": job, "program": name, "outputs_differ_by": difference}
    for key in used[0]:
        values = [usage[key] for usage in used]
        result[key] = {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values,
                       "ratio": statistics.median(usage[key] / own[key] for usage, own in zip(used, lamella))}
    return result


def line_of(result):
    def number(value):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"

    def cell(key, scale):
        median, low, high = (number(scale * result[key][part]) for part in ("median", "min", "max"))
        return f"{median} ({low} to {high})"

    cells = [result["job"], result["program"], cell("seconds", 1e3), cell("cpu_seconds", 1e3), cell("peak_bytes", 1e-6)]
    cells += [f"{result['seconds']['ratio']:.3g}", f"{result['peak_bytes']['ratio']:.3g}", f"{result['outputs_differ_by']:.1g}"]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lamella", type=pathlib.Path)
    parser.add_argument("--json")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--environment", type=pathlib.Path)
    arguments = parser.parse_args()
    lamella = arguments.lamella.resolve(strict=True)
    enter_environment((arguments.environment or lamella.parent.parent / "bench_environment"))
    import compare

    results = []
    print("| job | program | ms | processor ms | peak MB | ms / lamella | MB / lamella | outputs differ by |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model, rows, scores, threads = folder / "model.onnx", folder / "rows.csv", folder / "scores.csv", str(arguments.threads)
        compare.write_model(model, compare.NETWORKS["S2"][0])
        commands = {"lamella run": [lamella, "run", model, rows, "-o", scores, "--device", "cpu", "--threads", threads]}
        for library in LIBRARIES:
            peer = [sys.executable, HERE / "table_peer.py", library]
            commands[f"{library} + ONNX Runtime"] = [*peer, model, rows, scores, threads]
        for count, rounds in ((arguments.rows, arguments.rounds), (1, 3 * arguments.rounds)):
            for result in measure(f"{count:,} rows" if count > 1 else "1 row", count, rounds, commands, folder):
                results.append(result)
                print(line_of(result), flush=True)
    if arguments.json:
        versions = compare.versions(["onnxruntime", *LIBRARIES])
        versions["lamella"] = subprocess.run([lamella, "--version"], capture_output=True, text=True).stdout.split()[-1]
        with open(arguments.json, "w") as file:
            json.dump({"versions": versions, "network": compare.NETWORKS["S2"][0], "threads": arguments.threads,
                       "outputs_may_differ_by": compare.OUTPUTS_MAY_DIFFER_BY, "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
