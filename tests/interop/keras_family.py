"""Random networks by Keras on TensorFlow, exported by tf2onnx."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import logging

import keras
import tensorflow as tf
import tf2onnx
from keras import layers

logging.disable(logging.WARNING)

# tf2onnx has no Erfc, so no exact GELU.
ACTIVATIONS = [
    lambda: layers.Activation("linear"),
    lambda: layers.Activation("relu"),
    lambda: layers.Activation("relu6"),
    lambda: layers.Activation("sigmoid"),
    lambda: layers.Activation("tanh"),
    lambda: layers.Activation("softplus"),
    lambda: layers.Activation("selu"),
    lambda: layers.Activation("elu"),
    lambda: layers.Activation("silu"),
    lambda: layers.Activation("hard_sigmoid"),
    lambda: layers.Activation("hard_swish"),
    lambda: layers.Activation("log_sigmoid"),
    lambda: layers.Activation(lambda x: keras.activations.gelu(x, approximate=True)),
    lambda: layers.LeakyReLU(0.1),
    lambda: layers.ELU(0.7),
    lambda: layers.PReLU(alpha_initializer=keras.initializers.Constant(0.2)),
]


def trained_norm(random, width):
    """A BatchNormalization that has seen data."""
    norm = layers.BatchNormalization()
    norm.build((None, width))
    norm.set_weights([*random.standard_normal((3, width)), random.uniform(0.2, 2, width)])
    return norm


def make(random, widths):
    keras.utils.set_random_seed(int(random.integers(1 << 30)))
    shape = [widths[0]] if random.integers(3) else [widths[0], 1]
    stack = [keras.Input(shape)]
    if len(shape) == 2:
        stack.append(layers.Flatten())
    elif random.integers(3) == 0:  # not Normalization, whose lists tf2onnx 1.17 makes inputs of the graph
        stack.append(layers.Rescaling(random.uniform(0.2, 2, widths[0]).tolist(),
                                      random.standard_normal(widths[0]).tolist()))
    rows = [None, None, 1, 17][random.integers(4)]  # 17 rows are scored
    for i, outputs in enumerate(widths[1:], 2):
        # Where the batch is fixed, tf2onnx computes a layer without bias a second time inside of the
        # gate of the activation behind it; such a graph is rejected.
        has_bias = rows is not None or bool(random.integers(4))
        stack.append(layers.Dense(outputs, use_bias=has_bias, bias_initializer="normal"))
        norm = random.integers(4)
        if norm == 0:
            stack.append(trained_norm(random, outputs))
        if i < len(widths):
            stack.append(ACTIVATIONS[random.integers(len(ACTIVATIONS))]())
        if norm == 1:
            stack.append(trained_norm(random, outputs))
        if random.integers(4) == 0:
            stack.append(layers.Dropout(0.3))
    end = [None, "sigmoid", "softmax", "log_softmax"][random.integers(4)]
    if end is not None:
        stack.append(layers.Activation(end))
    network = keras.Sequential(stack)
    signature = [tf.TensorSpec([rows, *shape], tf.float32, name="input")]
    score = tf.function(lambda x: network(x, training=False), input_signature=signature)
    model, _ = tf2onnx.convert.from_function(score, input_signature=signature,
                                             opset=int(random.choice([9, 11, 13, 15, 17, 18])))
    return model, widths[0]
