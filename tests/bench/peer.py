"""One side of a comparison, in a process of its own: peer.py ENGINE MODEL.onnx ROWS.npy OUT THREADS.

ENGINE is onnxruntime or torch. The protocol is that of bench_peer (peer.cpp).
"""

import os
import sys
import time


def onnxruntime_session(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnxruntime_call(model, rows, threads):
    import numpy

    session = onnxruntime_session(model, threads)
    output = session.get_outputs()[0]
    outputs = numpy.empty((len(rows), output.shape[1]), dtype=numpy.float32)
    # Bound once, so that a call neither copies nor allocates.
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, rows)
    binding.bind_output(output.name, "cpu", 0, numpy.float32, outputs.shape, outputs.ctypes.data)
    return lambda: session.run_with_iobinding(binding), lambda: outputs


def torch_call(model, rows, threads):
    import onnx
    import torch

    torch.set_num_threads(threads)
    graph = onnx.load(model).graph
    values = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in graph.initializer}
    modules = []
    for node in graph.node:
        if node.op_type == "Gemm":
            weight, bias = values[node.input[1]], values[node.input[2]]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
            layer.weight.data, layer.bias.data = weight, bias
            modules.append(layer)
        else:
            modules.append(torch.nn.ReLU(inplace=True))
    network = torch.nn.Sequential(*modules).eval()
    inputs = torch.from_numpy(rows)
    last = []

    def call():
        with torch.inference_mode():
            last[:] = [network(inputs)]

    return call, lambda: last[0].numpy()


def call_seconds(call, seconds):
    """Median and mean."""
    begin = time.perf_counter()
    call()
    group = max(1, int(20e-6 / max(time.perf_counter() - begin, 1e-9)))
    times = []
    while not times or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        for _ in range(group):
            call()
        times.append((time.perf_counter() - start) / group)
    return sorted(times)[len(times) // 2], sum(times) / len(times)


def main():
    engine, model, rows_file, output_file, threads = sys.argv[1:]
    os.environ["OMP_NUM_THREADS"] = threads  # before any library reads it
    import numpy

    rows = numpy.load(rows_file)
    make = {"onnxruntime": onnxruntime_call, "torch": torch_call}[engine]
    call, outputs = make(model, rows, int(threads))
    call()
    numpy.ascontiguousarray(outputs(), dtype=numpy.float32).tofile(output_file)
    print("ready", flush=True)
    for line in sys.stdin:
        print(*(f"{taken:.6g}" for taken in call_seconds(call, float(line))), flush=True)


if __name__ == "__main__":
    main()
