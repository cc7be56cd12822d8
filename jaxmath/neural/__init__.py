"""Perceptrons, networks of them, and backpropagation by hand."""

from jaxmath.calculus import leaky_relu, relu, sigmoid
from jaxmath.neural.activations import heaviside, tanh
from jaxmath.neural.backprop import Backward, Forward, backward, forward
from jaxmath.neural.derivatives import hessian_vector_product, jacobian, per_example_gradients
from jaxmath.neural.gates import gate
from jaxmath.neural.layers import dense, init_mlp, mlp, perceptron
from jaxmath.neural.rosenblatt import Perceptron, train_perceptron
from jaxmath.neural.towers import tower_network

__all__ = [
    "Backward",
    "Forward",
    "Perceptron",
    "backward",
    "dense",
    "forward",
    "gate",
    "heaviside",
    "hessian_vector_product",
    "init_mlp",
    "jacobian",
    "leaky_relu",
    "mlp",
    "per_example_gradients",
    "perceptron",
    "relu",
    "sigmoid",
    "tanh",
    "tower_network",
    "train_perceptron",
]
