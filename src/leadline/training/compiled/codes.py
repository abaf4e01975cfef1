"""What the kernels know, and by which numbers they are named: compiled code compares no names."""

from leadline.equations.activations import LEAK

LINEAR, RECTIFIED, TANH, SIGMOID = range(4)
ACTIVATIONS = {
    "linear": (LINEAR, 0.0),
    "relu": (RECTIFIED, 0.0),
    "leaky_relu": (RECTIFIED, LEAK),
    "tanh": (TANH, 0.0),
    "sigmoid": (SIGMOID, 0.0),
}
"""Each activation's code, and what it multiplies negative values by."""

SQUARED, LOGISTIC, SOFTMAX = range(3)
LOSSES = {"squared_error": SQUARED, "binary_cross_entropy": LOGISTIC, "softmax_cross_entropy": SOFTMAX}
