"""The steps of a small dense network in one function that numba compiles, single-threaded.

The equations are those of `leadline.equations` and `leadline.optimize.adam`, and tests hold both equal. Examples lie
along the last axis, (n, m), so that every inner loop runs over a batch and fills vector registers however narrow a
layer is; four rows at a time, so that a loaded value serves four products.

Floating-point sums may be reordered, and products fused with sums. NaN and infinity keep their meaning: a divergence
has to be seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from leadline.training.compiled.codes import LOGISTIC, RECTIFIED, SIGMOID, SOFTMAX, TANH

Array = NDArray[Any]
_MATHS = {"reassoc", "contract", "nsz", "arcp"}


@njit(fastmath=_MATHS, cache=True)
def run_steps(
    theta: Array,
    gradient: Array,
    work: Array,
    widths: Array,
    weight_starts: Array,
    bias_starts: Array,
    activations: Array,
    leaks: Array,
    x: Array,
    y: Array,
    order: Array,
    batch: int,
    outputs: Array,
    loss: int,
    smoothing: float,
    l2: float,
    n_penalized: int,
    velocity: Array,
    square: Array,
    rates: Array,
    step: int,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
) -> None:
    """Do ``len(rates)`` steps, and leave the outputs before each update in ``outputs``, (examples, k).

    Args:
        theta: θ (n,), moved in place, with its ``gradient``, ``velocity`` and ``square`` as Adam has them.
        work: memory for the activations and their derivatives of one batch.
        widths: n of the inputs and of every layer; ``weight_starts`` and ``bias_starts`` say where layers begin in θ.
        activations: a code for each layer (`leadline.training.compiled.codes`); ``leaks``: what rectifiers multiply
            negative values by.
        x: all inputs (M, n); ``order`` holds the rows that the batches visit, ``batch`` at a time.
        y: targets (len(order), k), or class indices (len(order), 1), in the order of the visit.
        loss: a code.
        rates: the learning rate of each step; ``step`` counts the updates done before.
        decay: λ of AdamW; ``l2`` that of the penalty; both hold for the first ``n_penalized`` parameters.

    """
    n_layers = len(widths) - 1
    start = 0
    for r in range(len(rates)):
        m = min(batch, len(order) - start)
        _gather(x, order[start : start + m], work[: widths[0] * m].reshape(widths[0], m))
        end = widths[0] * m
        for layer in range(n_layers):
            n_in, n_out = widths[layer], widths[layer + 1]
            weight = theta[weight_starts[layer] : weight_starts[layer] + n_out * n_in].reshape(n_out, n_in)
            bias = theta[bias_starts[layer] : bias_starts[layer] + n_out]
            a = work[end - n_in * m : end].reshape(n_in, m)
            z = work[end : end + n_out * m].reshape(n_out, m)
            _dense(weight, bias, a, z)
            _activate(z, activations[layer], leaks[layer])
            end += n_out * m
        k = widths[n_layers]
        z = work[end - k * m : end].reshape(k, m)
        for i in range(m):
            for c in range(k):
                outputs[start + i, c] = z[c, i]
        d_start, free = end, end + k * m
        _loss_backward(z, y[start : start + m], work[d_start:free].reshape(k, m), loss, smoothing)
        end -= k * m
        for layer in range(n_layers - 1, -1, -1):
            n_in, n_out = widths[layer], widths[layer + 1]
            span = slice(weight_starts[layer], weight_starts[layer] + n_out * n_in)
            a = work[end - n_in * m : end].reshape(n_in, m)
            d_z = work[d_start : d_start + n_out * m].reshape(n_out, m)
            d_bias = gradient[bias_starts[layer] : bias_starts[layer] + n_out]
            _dense_backward_parameters(d_z, a, gradient[span].reshape(n_out, n_in), d_bias)
            if layer > 0:
                d_a = work[free : free + n_in * m].reshape(n_in, m)
                _dense_backward_input(theta[span].reshape(n_out, n_in), d_z, d_a)
                _activate_backward(d_a, a, activations[layer - 1], leaks[layer - 1])
                d_start, free = free, free + n_in * m
            end -= n_in * m
        if l2 != 0:
            share = theta.dtype.type(l2 / m)
            for i in range(n_penalized):
                gradient[i] += share * theta[i]
        _adam(theta, gradient, velocity, square, rates[r], step + r + 1, beta1, beta2, epsilon, decay, n_penalized)
        start += m


@njit(fastmath=_MATHS, cache=True)
def _gather(x: Array, rows: Array, out: Array) -> None:
    """The rows of ``x`` (M, n) as columns of ``out`` (n, m)."""
    for i in range(len(rows)):
        row = x[rows[i]]
        for k in range(len(row)):
            out[k, i] = row[k]


@njit(fastmath=_MATHS, cache=True)
def _dense(weight: Array, bias: Array, a: Array, z: Array) -> None:
    """Z = W A + b, for ``a`` (n_in, m) and ``z`` (n_out, m)."""
    n_out, n_in = weight.shape
    m = a.shape[1]
    whole = n_in - n_in % 4
    for j in range(n_out):
        row = z[j]
        for i in range(m):
            row[i] = bias[j]
        for k in range(0, whole, 4):
            w0, w1, w2, w3 = weight[j, k], weight[j, k + 1], weight[j, k + 2], weight[j, k + 3]
            a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
            for i in range(m):
                row[i] += w0 * a0[i] + w1 * a1[i] + w2 * a2[i] + w3 * a3[i]
        for k in range(whole, n_in):
            w0, a0 = weight[j, k], a[k]
            for i in range(m):
                row[i] += w0 * a0[i]


@njit(fastmath=_MATHS, cache=True)
def _dense_backward_parameters(d_z: Array, a: Array, d_weight: Array, d_bias: Array) -> None:
    """dW = dZ Aᵀ and db = Σ dZ; the factor 1/m came with the loss."""
    n_out, n_in = d_weight.shape
    m = a.shape[1]
    whole = n_in - n_in % 4
    zero = d_z.dtype.type(0)
    for j in range(n_out):
        row = d_z[j]
        s0 = zero
        for i in range(m):
            s0 += row[i]
        d_bias[j] = s0
        for k in range(0, whole, 4):
            s0 = s1 = s2 = s3 = zero
            a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
            for i in range(m):
                s0 += row[i] * a0[i]
                s1 += row[i] * a1[i]
                s2 += row[i] * a2[i]
                s3 += row[i] * a3[i]
            d_weight[j, k], d_weight[j, k + 1], d_weight[j, k + 2], d_weight[j, k + 3] = s0, s1, s2, s3
        for k in range(whole, n_in):
            s0, a0 = zero, a[k]
            for i in range(m):
                s0 += row[i] * a0[i]
            d_weight[j, k] = s0


@njit(fastmath=_MATHS, cache=True)
def _dense_backward_input(weight: Array, d_z: Array, d_a: Array) -> None:
    """dA = Wᵀ dZ."""
    n_out, n_in = weight.shape
    m = d_z.shape[1]
    whole = n_out - n_out % 4
    for k in range(n_in):
        row = d_a[k]
        for i in range(m):
            row[i] = 0
        for j in range(0, whole, 4):
            w0, w1, w2, w3 = weight[j, k], weight[j + 1, k], weight[j + 2, k], weight[j + 3, k]
            d0, d1, d2, d3 = d_z[j], d_z[j + 1], d_z[j + 2], d_z[j + 3]
            for i in range(m):
                row[i] += w0 * d0[i] + w1 * d1[i] + w2 * d2[i] + w3 * d3[i]
        for j in range(whole, n_out):
            w0, d0 = weight[j, k], d_z[j]
            for i in range(m):
                row[i] += w0 * d0[i]


@njit(fastmath=_MATHS, cache=True)
def _activate(z: Array, activation: int, leak: float) -> None:
    """a = g(z), in place."""
    n, m = z.shape
    for j in range(n):
        row = z[j]
        if activation == RECTIFIED:
            for i in range(m):
                row[i] = leak * row[i] if row[i] <= 0 else row[i]  # NaN is not below 0 and stays
        elif activation == TANH:
            for i in range(m):
                row[i] = np.tanh(row[i])
        elif activation == SIGMOID:
            for i in range(m):
                row[i] = 1 / (1 + np.exp(-row[i]))


@njit(fastmath=_MATHS, cache=True)
def _activate_backward(d: Array, a: Array, activation: int, leak: float) -> None:
    """d_z = d_a ∘ g′ in place, with g′ in terms of a = g(z)."""
    n, m = d.shape
    for j in range(n):
        row, out = d[j], a[j]
        if activation == RECTIFIED:
            for i in range(m):
                row[i] = leak * row[i] if out[i] <= 0 else row[i]
        elif activation == TANH:
            for i in range(m):
                row[i] *= 1 - out[i] * out[i]
        elif activation == SIGMOID:
            for i in range(m):
                row[i] *= out[i] * (1 - out[i])


@njit(fastmath=_MATHS, cache=True)
def _loss_backward(z: Array, y: Array, d_z: Array, loss: int, smoothing: float) -> None:
    """(a − y)/m, with the labels smoothed, for outputs (k, m) and targets (m, k) or (m, 1)."""
    k, m = z.shape
    for i in range(m):
        if loss == SOFTMAX:
            top = z[0, i]
            for c in range(1, k):
                top = max(top, z[c, i])
            total = z.dtype.type(0)
            for c in range(k):
                d_z[c, i] = np.exp(z[c, i] - top)
                total += d_z[c, i]
            for c in range(k):
                d_z[c, i] = (d_z[c, i] / total - smoothing / k) / m
            d_z[int(y[i, 0]), i] -= (1 - smoothing) / m
        elif loss == LOGISTIC:
            for c in range(k):
                d_z[c, i] = (1 / (1 + np.exp(-z[c, i])) - (y[i, c] * (1 - smoothing) + smoothing / 2)) / m
        else:
            for c in range(k):
                d_z[c, i] = (z[c, i] - y[i, c]) / m


@njit(fastmath=_MATHS, cache=True)
def _adam(
    theta: Array,
    gradient: Array,
    velocity: Array,
    square: Array,
    rate: float,
    t: int,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
    n_decayed: int,
) -> None:
    """AdamW's update t ≥ 1, Adam's where ``decay`` is 0."""
    number = theta.dtype.type
    if decay != 0:
        keep = number(1 - rate * decay)
        for i in range(n_decayed):
            theta[i] *= keep
    step, root = number(rate / (1 - beta1**t)), number(1 / np.sqrt(1 - beta2**t))
    b1, b2, rest1, rest2, small = number(beta1), number(beta2), number(1 - beta1), number(1 - beta2), number(epsilon)
    for i in range(len(theta)):
        velocity[i] = b1 * velocity[i] + rest1 * gradient[i]
        square[i] = b2 * square[i] + rest2 * gradient[i] * gradient[i]
        theta[i] -= step * velocity[i] / (np.sqrt(square[i]) * root + small)
