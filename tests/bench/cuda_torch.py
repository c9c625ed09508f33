#!/usr/bin/env python3
"""PyTorch on the networks that cuda_bench measured, eager and compiled, rows and outputs on the device.

    cuda_torch.py CUDA_BENCH.json [--json FILE] [--seconds S] [--device cuda]

CUDA_BENCH.json is what cuda_bench --json wrote, on the same machine shortly before. Float32 without
TF32, as Lamella computes; random weights, the times do not depend on them; what is compiled must give
what eager gives. Prints medians of events on the device, and how many times as long PyTorch takes as the
engine as it computes by itself. All eager times come first; because compiling takes long, only each network's
largest number of rows is compiled. What does not fit the seconds is not measured, and said. --device cpu tries
the script out where there is no GPU.
"""

import argparse
import json
import statistics
import sys
import time

import torch


def make_network(widths, device):
    torch.manual_seed(1)
    modules = []
    for k, m in zip(widths, widths[1:]):
        modules += [torch.nn.Linear(k, m), torch.nn.ReLU(inplace=True)]
    return torch.nn.Sequential(*modules[:-1]).to(device).eval()


def milliseconds(call, device):
    if device == "cpu":
        start = time.perf_counter()
        call()
        return 1e3 * (time.perf_counter() - start)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def median_milliseconds(network, inputs, device):
    turn = iter(range(1 << 30))
    call = lambda: network(inputs[next(turn) % len(inputs)])
    for _ in range(3):
        call()
    return statistics.median(milliseconds(call, device) for _ in range(30))


def check(outputs, reference):
    difference = (outputs - reference).abs().max() / reference.abs().max()
    if not difference < 1e-4:
        raise SystemExit(f"cuda_torch.py: compiled outputs differ from the eager ones by {difference:.2g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cuda_bench")
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    arguments = parser.parse_args()
    started = time.monotonic()
    with open(arguments.cuda_bench) as file:
        cases = [case for case in json.load(file)["results"] if case["mode"] == "auto"]
    max_rows = {case["network"]: case["rows"] for case in sorted(cases, key=lambda case: case["rows"])}
    torch.backends.cuda.matmul.allow_tf32 = False
    device = arguments.device
    name = torch.cuda.get_device_name() if device == "cuda" else "the CPU, to try"
    print(f"PyTorch {torch.__version__} on {name}")
    print(f"{'network':<16} {'rows':>10} {'PyTorch':<8} {'ms':>11} {'engine ms':>11} {'/ engine':>8}", flush=True)
    results, complete = [], True
    with torch.inference_mode():
        for how in ("eager", "compiled"):
            for case in cases:
                if how == "compiled" and case["rows"] != max_rows[case["network"]]:
                    continue
                line = f"{case['network']:<16} {case['rows']:>10} {how:<8}"
                if time.monotonic() - started > arguments.seconds:
                    print(line, "not measured: the time was up", flush=True)
                    complete = False
                    continue
                network = make_network(case["widths"], device)
                inputs = [torch.rand(case["rows"], case["widths"][0], device=device) for _ in range(2)]
                if how == "compiled":
                    reference = network(inputs[0])
                    network = torch.compile(network)
                    check(network(inputs[0]), reference)
                ms = median_milliseconds(network, inputs, device)
                print(f"{line} {ms:>11.4f} {case['engine_ms']:>11.4f} {ms / case['engine_ms']:>8.2f}", flush=True)
                results.append({"network": case["network"], "rows": case["rows"], "how": how, "ms": ms,
                                "engine_ms": case["engine_ms"]})
                if arguments.json:  # each time: what takes too long may be cut off
                    with open(arguments.json, "w") as file:
                        json.dump({"torch": torch.__version__, "device": name, "results": results}, file, indent=1)
    return 0 if complete else 3


if __name__ == "__main__":
    sys.exit(main())
