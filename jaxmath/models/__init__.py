"""Models in Flax NNX: images come as (n, height, width, channels), scores of classes go out as logits."""

from jaxmath.models.describe import Layer, Summary, count_parameters, features, summary
from jaxmath.models.lenet import LeNet
from jaxmath.models.transfer import Normalized, replace_head
from jaxmath.models.weights import load_weights, save_weights

__all__ = [
    "Layer",
    "LeNet",
    "Normalized",
    "Summary",
    "count_parameters",
    "features",
    "load_weights",
    "replace_head",
    "save_weights",
    "summary",
]
