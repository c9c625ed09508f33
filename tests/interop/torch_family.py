"""Random networks by torch.onnx.export: either exporter, several opsets, open and fixed batches."""

import io
import logging
import math

import onnx
import torch
from torch import nn


class Formula(nn.Module):
    """An activation that a person wrote out."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Rows(nn.Module):
    """Flattens each row in one of the ways that people write it."""

    def __init__(self, way, width):
        super().__init__()
        self.way, self.width = way, width

    def forward(self, x):
        if self.way == 0:
            return x.view(x.size(0), -1)
        if self.way == 1:
            return x.reshape(-1, self.width)
        if self.way == 2:
            return x.view(x.shape[0], self.width)
        return torch.flatten(x, 1)


ACTIVATIONS = [
    nn.Identity,
    nn.ReLU,
    nn.ReLU6,
    lambda: nn.Hardtanh(-0.5, 0.75),
    nn.LeakyReLU,
    nn.PReLU,
    lambda: nn.ELU(0.7),
    nn.CELU,
    nn.SELU,
    nn.Sigmoid,
    nn.Tanh,
    nn.GELU,
    lambda: nn.GELU("tanh"),
    nn.SiLU,
    nn.Softplus,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.LogSigmoid,
    lambda: Formula(lambda x: 1 / (1 + torch.exp(-x))),
    lambda: Formula(lambda x: x * torch.sigmoid(x)),
    lambda: Formula(lambda x: torch.log(1 + torch.exp(x))),
    lambda: Formula(lambda x: x * nn.functional.relu6(x + 3) / 6),
    lambda: Formula(lambda x: x / 2 * (1 + torch.erf(x / math.sqrt(2)))),
    lambda: Formula(lambda x: torch.clamp(x, min=0)),
    lambda: Formula(lambda x: torch.clamp(x, -1, 1)),
]
ENDS = [
    lambda: nn.Softmax(dim=1),
    lambda: nn.LogSoftmax(dim=-1),
    lambda: Formula(lambda x: torch.log(torch.softmax(x, dim=1))),
]


def trained_norm(width):
    """A BatchNorm1d that has seen data."""
    norm = nn.BatchNorm1d(width)
    with torch.no_grad():
        for values in (norm.weight, norm.bias, norm.running_mean):
            values.normal_()
        norm.running_var.uniform_(0.2, 2)
    return norm


def draw_module(random, widths):
    layers = [Rows(int(random.integers(4)), widths[0])] if random.integers(3) == 0 else []
    flattened = bool(layers)
    if random.integers(4) == 0:
        layers.append(trained_norm(widths[0]))
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers.append(nn.Linear(inputs, outputs, bias=bool(random.integers(4))))
        norm = random.integers(4)
        if norm == 0:
            layers.append(trained_norm(outputs))
        if i + 2 < len(widths) or random.integers(2):
            layers.append(ACTIVATIONS[random.integers(len(ACTIVATIONS))]())
        if norm == 1:
            layers.append(trained_norm(outputs))
        if random.integers(4) == 0:
            layers.append(nn.Dropout())
    end = random.integers(6)
    if end < len(ENDS):
        layers.append(ENDS[end]())
    elif widths[-1] == 1 and end == 3:
        layers.append(Formula(lambda x: x.squeeze(-1)))
    return nn.Sequential(*layers).eval(), flattened


def make(random, widths):
    torch.manual_seed(int(random.integers(1 << 30)))
    if random.integers(4) == 0:
        widths[-1] = 1
    module, flattened = draw_module(random, widths)
    rows = int(random.choice([1, 17]))  # 17 rows are scored
    image = [rows, 1, widths[0], 1] if flattened else [rows, widths[0]]
    fixed = bool(random.integers(2))
    dynamo = bool(random.integers(2))
    opset = int(random.choice([18, 20] if dynamo else [9, 11, 13, 14, 17, 18, 20]))
    arguments = {"input_names": ["input"], "opset_version": opset, "dynamo": dynamo}
    if dynamo:
        logging.disable(logging.WARNING)
        image[0] = rows if fixed else 5  # torch.export takes a size of 1 for fixed
        if not fixed:
            arguments["dynamic_shapes"] = ({0: torch.export.Dim("batch")},)
        program = torch.onnx.export(module, (torch.zeros(image),), verbose=False, **arguments)
        return program.model_proto, widths[0]
    if not fixed:
        arguments["dynamic_axes"] = {"input": {0: "batch"}}
    arguments["keep_initializers_as_inputs"] = bool(random.integers(4) == 0)
    arguments["do_constant_folding"] = bool(random.integers(4))
    buffer = io.BytesIO()
    try:
        torch.onnx.export(module, (torch.zeros(image),), buffer, **arguments)
    except torch.onnx.errors.UnsupportedOperatorError:  # too old an opset for an activation
        buffer = io.BytesIO()
        torch.onnx.export(module, (torch.zeros(image),), buffer, **(arguments | {"opset_version": 17}))
    return onnx.load_from_string(buffer.getvalue()), widths[0]
