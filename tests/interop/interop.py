"""Random networks by real exporters: ONNX Runtime and lamella must give the same outputs.

Prints a line for each family and one for each mismatch. Exits with 1 when there was one, with 77
when the packages are missing.
"""

import argparse
import pathlib
import subprocess
import sys
import warnings

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    print(f"skipped: {error}; see tests/interop/requirements.txt")
    sys.exit(77)

# Both sides compute in float32, in different orders of summation.
TOLERANCE = 2e-5


class Skip(Exception):
    """A family whose packages are not installed."""


def draw_widths(random, outputs=None):
    widths = [int(n) for n in random.integers(1, 40, random.integers(2, 6))]
    if outputs is not None:
        widths[-1] = outputs
    return widths


def draw_dense(random, inputs, outputs):
    weights = random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    return weights.astype(np.float32), random.standard_normal(outputs).astype(np.float32)


class Graph:
    """A chain of nodes under construction; tensors are named as they come."""

    def __init__(self, opset):
        self.nodes, self.tensors, self.opset = [], [], opset
        self.value, self.count = "input", 0

    def tensor(self, array):
        self.count += 1
        name = f"tensor{self.count}"
        self.tensors.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def make(self, op, inputs, **attributes):
        self.count += 1
        name = f"/{op}_{self.count}_output_0"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"/{op}_{self.count}", **attributes))
        return name

    def step(self, op, *constants, first=True, **attributes):
        """Applies op to the value so far, as its first operand or its last."""
        inputs = [self.value, *constants] if first else [*constants, self.value]
        self.value = self.make(op, inputs, **attributes)

    def model(self, shape, outputs):
        result = self.make("Identity", [self.value])
        inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
        results = [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["batch", outputs])]
        graph = helper.make_graph(self.nodes, "mlp", inputs, results, self.tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def gelu(graph, random):
    x = graph.value
    scaled = graph.make("Div", [x, graph.tensor(np.float32(np.sqrt(2)))])
    one_more = graph.make("Add", [graph.make("Erf", [scaled]), graph.tensor(np.float32(1))])
    half = graph.tensor(np.float32(0.5))
    if random.integers(2):
        graph.value = graph.make("Mul", [graph.make("Mul", [x, one_more]), half])
    else:
        graph.value = graph.make("Mul", [graph.make("Mul", [x, half]), one_more])


def gelu_tanh(graph, random):
    x = graph.value
    cube = graph.make("Pow", [x, graph.tensor(np.float32(3))])
    inner = graph.make("Add", [x, graph.make("Mul", [cube, graph.tensor(np.float32(0.044715))])])
    inner = graph.make("Mul", [inner, graph.tensor(np.float32(np.sqrt(2 / np.pi)))])
    one_more = graph.make("Add", [graph.make("Tanh", [inner]), graph.tensor(np.float32(1))])
    half = graph.make("Mul", [x, graph.tensor(np.float32(0.5))])
    graph.value = graph.make("Mul", [half, one_more])


def silu(graph, random):
    gate = graph.make("Sigmoid", [graph.value])
    graph.step("Mul", gate, first=bool(random.integers(2)))


def softplus(graph, random):
    """Taken apart."""
    one = graph.tensor(np.float32(1))
    exponential = graph.make("Exp", [graph.value])
    operands = [exponential, one] if random.integers(2) else [one, exponential]
    graph.value = graph.make("Log", [graph.make("Add", operands)])


def sigmoid(graph, random):
    """In exponentials."""
    one = graph.tensor(np.float32(1))
    sum_ = graph.make("Add", [graph.make("Exp", [graph.make("Neg", [graph.value])]), one])
    graph.value = graph.make("Div", [one, sum_]) if random.integers(2) else graph.make("Reciprocal", [sum_])


def hard_swish(graph, random):
    x = graph.value
    if random.integers(2):
        graph.value = graph.make("Mul", [x, graph.make("HardSigmoid", [x], alpha=1 / 6)])
    else:
        gate = graph.make("Add", [x, graph.tensor(np.float32(3))])
        gate = graph.make("Clip", [gate, graph.tensor(np.float32(0)), graph.tensor(np.float32(6))])
        graph.value = graph.make("Div", [graph.make("Mul", [x, gate]), graph.tensor(np.float32(6))])


def clip(graph, random):
    graph.step("Clip", graph.tensor(np.float32(0)), graph.tensor(np.float32(6)))


ACTIVATIONS = [
    lambda g, r: None,
    lambda g, r: g.step("Relu"),
    lambda g, r: g.step("LeakyRelu", alpha=0.2),
    lambda g, r: g.step("PRelu", g.tensor(np.float32([0.3]))),
    lambda g, r: g.step("Elu", alpha=0.8),
    lambda g, r: g.step("Selu"),
    lambda g, r: g.step("Sigmoid"),
    lambda g, r: g.step("Tanh"),
    lambda g, r: g.step("Softplus"),
    lambda g, r: g.step("HardSigmoid"),
    lambda g, r: g.step("HardSwish") if g.opset >= 14 else hard_swish(g, r),
    hard_swish,
    sigmoid,
    gelu,
    gelu_tanh,
    silu,
    softplus,
    clip,
]


def activate(graph, random):
    ACTIVATIONS[random.integers(len(ACTIVATIONS))](graph, random)


def batch_norm(graph, random, width):
    gamma, beta, mean = (random.standard_normal(width).astype(np.float32) for _ in range(3))
    variance = random.uniform(0.2, 2, width).astype(np.float32)
    graph.step("BatchNormalization", *(graph.tensor(t) for t in (gamma, beta, mean, variance)))


def finish(graph, random, shape, outputs):
    if random.integers(3) == 0:
        kind = random.choice(["Softmax", "LogSoftmax", "Softmax, Log"])
        for op in str(kind).split(", "):
            graph.step(op, **({} if op == "Log" else {"axis": int(random.choice([1, -1]))}))
    return graph.model(shape, outputs)


def make_gemm(random):
    """PyTorch's pattern."""
    widths = draw_widths(random)
    graph = Graph(int(random.integers(11, 18)))
    shape = ["batch", widths[0]]
    if random.integers(4) == 0:
        shape = ["batch", 1, widths[0], 1]
        graph.step("Flatten", axis=1)
    for inputs, outputs in zip(widths, widths[1:]):
        weights, bias = draw_dense(random, inputs, outputs)
        transposed = bool(random.integers(2))
        operands = [graph.tensor(weights.T.copy() if transposed else weights)]
        if random.integers(4):
            operands.append(graph.tensor(bias))
        scales = {"alpha": 0.5, "beta": 2.0} if random.integers(4) == 0 else {}
        graph.step("Gemm", *operands, transB=int(transposed), **scales)
        norm_first = random.integers(3)
        if norm_first == 0:
            batch_norm(graph, random, outputs)
        activate(graph, random)
        if norm_first == 1 and outputs != widths[-1]:
            batch_norm(graph, random, outputs)
        if random.integers(4) == 0:
            graph.step("Dropout")
    return finish(graph, random, shape, widths[-1]), widths[0]


def make_keras(random):
    """tf2onnx's pattern."""
    widths = draw_widths(random)
    graph = Graph(int(random.integers(13, 18)))
    if random.integers(2):
        mean = random.standard_normal((1, widths[0])).astype(np.float32)
        deviation = random.uniform(0.5, 2, (1, widths[0])).astype(np.float32)
        graph.step("Sub", graph.tensor(mean))
        graph.step("Div", graph.tensor(deviation))
    for inputs, outputs in zip(widths, widths[1:]):
        weights, bias = draw_dense(random, inputs, outputs)
        graph.step("MatMul", graph.tensor(weights))
        if random.integers(4):
            bias = bias[None, :] if random.integers(2) else bias
            graph.step("Add", graph.tensor(bias), first=bool(random.integers(2)))
        activate(graph, random)
        if random.integers(3) == 0 and outputs != widths[-1]:
            graph.step("Mul", graph.tensor(random.uniform(0.5, 2, outputs).astype(np.float32)))
            graph.step("Add", graph.tensor(bias))
    return finish(graph, random, ["batch", widths[0]], widths[-1]), widths[0]


def make_matlab(random):
    """Sub, Flatten, then MatMul, Add and Relu; images are scored flattened."""
    height, width = (int(n) for n in random.integers(2, 6, 2))
    widths = [height * width, *draw_widths(random)]
    graph = Graph(13)
    graph.step("Sub", graph.tensor(random.standard_normal((1, 1, height, width)).astype(np.float32)))
    graph.step("Flatten", axis=1)
    for inputs, outputs in zip(widths, widths[1:]):
        weights, bias = draw_dense(random, inputs, outputs)
        graph.step("MatMul", graph.tensor(weights))
        graph.step("Add", graph.tensor(bias))
        graph.step("Relu")
    return graph.model(["batch", 1, height, width], widths[-1]), widths[0]


def make_sklearn(random):
    try:
        from skl2onnx import to_onnx
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
    except ImportError as error:
        raise Skip(str(error)) from error
    inputs = int(random.integers(2, 12))
    rows = random.standard_normal((120, inputs)).astype(np.float32) * 3 + 1
    hidden = tuple(int(n) for n in random.integers(2, 20, random.integers(1, 4)))
    settings = {
        "hidden_layer_sizes": hidden,
        "activation": str(random.choice(["relu", "tanh", "logistic", "identity"])),
        "max_iter": 20,
        "random_state": int(random.integers(1 << 30)),
    }
    options = {}
    if random.integers(3):
        classes = int(random.integers(2, 5))
        labels = np.array(["ash", "birch", "cedar", "dogwood"]) if random.integers(2) else np.arange(4) * 3
        wanted = np.abs(rows).sum(axis=1).argsort().argsort() * classes // len(rows)
        model = MLPClassifier(**settings)
        target = labels[wanted]
        options = {"zipmap": bool(random.integers(2))}
    else:
        outputs = int(random.integers(1, 4))
        model = MLPRegressor(**settings)
        target = (rows @ random.standard_normal((inputs, outputs))).squeeze()
    scaler = [None, StandardScaler(), MinMaxScaler(clip=bool(random.integers(2))), MaxAbsScaler()][
        random.integers(4)]
    model_and_scaler = model if scaler is None else make_pipeline(scaler, model)
    model_and_scaler.fit(rows, target)
    exported = to_onnx(model_and_scaler, rows[:1], options={id(model): options} if options else None)
    if isinstance(model, MLPClassifier):
        return exported, inputs, model_and_scaler.predict_proba
    return exported, inputs, model_and_scaler.predict


def make_tf2onnx(random):
    try:
        import keras_family
    except ImportError as error:
        raise Skip(str(error)) from error
    return keras_family.make(random, draw_widths(random))


def make_torch(random):
    try:
        import torch_family
    except ImportError as error:
        raise Skip(str(error)) from error
    return torch_family.make(random, draw_widths(random))


FAMILIES = {
    "gemm": make_gemm,
    "keras": make_keras,
    "matlab": make_matlab,
    "sklearn": make_sklearn,
    "torch": make_torch,
    "tf2onnx": make_tf2onnx,
}


def by_onnxruntime(model, rows):
    """The scores: what is not a label. ZipMap's maps become columns in their own order."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    fixed = entry.shape[0] if isinstance(entry.shape[0], int) else len(rows)
    return np.concatenate([
        scores_of(session.run(None, {entry.name: rows[i:i + fixed].reshape([fixed, *entry.shape[1:]])}))
        for i in range(0, len(rows), fixed)])


def scores_of(results):
    for result in results:
        if isinstance(result, list):
            return np.array([list(row.values()) for row in result], dtype=np.float32)
        if np.issubdtype(result.dtype, np.floating):
            return result
    raise RuntimeError("the model gives no scores")


def check(name, made, random, arguments):
    """Empty, or what is wrong."""
    model, inputs, *reference = made
    path = arguments.work / f"{name}.onnx"
    rows = random.standard_normal((17, inputs)).astype(np.float32)
    expected = by_onnxruntime(model, rows)  # before save, which may take its tensors out
    if random.integers(4) == 0:
        data = f"{name}.data"
        (arguments.work / data).unlink(missing_ok=True)  # onnx.save appends
        onnx.save(model, path, save_as_external_data=True, location=data, size_threshold=0)
    else:
        onnx.save(model, path)
    np.save(arguments.work / "rows.npy", rows)
    out = arguments.work / "out.npy"
    out.unlink(missing_ok=True)
    command = [arguments.lamella, "run", path, arguments.work / "rows.npy", "-o", out,
               "--device", arguments.device, "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != 0:
        return run.stderr.strip()
    found = np.load(out)
    if reference:  # the model itself, where the exporter laid several outputs in one column
        expected = expected.reshape(len(rows), -1)
        own = np.asarray(reference[0](rows)).reshape(len(rows), -1)
        if own.shape != found.shape or not np.allclose(found, own, rtol=1e-3, atol=1e-3):
            return "differs from scikit-learn"
    if expected.ndim == 1:  # of one output, squeezed
        expected = expected[:, None]
    if found.shape != expected.shape:
        return f"shape {found.shape}, {expected.shape} wanted"
    off = np.abs(found.astype(np.float64) - expected) / (1 + np.abs(expected))
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    if not off.max() <= TOLERANCE * max(1, largest):
        return f"off by {off.max():.3g}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lamella", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("interop_models"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=20, help="networks of each family")
    parser.add_argument("--family", choices=list(FAMILIES), help="this one alone")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    failures = 0
    for number, (family, make) in enumerate(FAMILIES.items()):
        if arguments.family not in (None, family):
            continue
        passed = 0
        try:
            for i in range(arguments.count):
                random = np.random.default_rng([arguments.seed, number, i])
                problem = check(f"{family}_{i}", make(random), random, arguments)
                passed += not problem
                if problem:
                    print(f"FAILED {family}_{i} (seed {arguments.seed}): {problem}")
            failures += arguments.count - passed
            print(f"{family}: {passed} of {arguments.count} agree")
        except Skip as missing:
            print(f"{family}: skipped: {missing}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
