"""Models in Flax NNX: images come as (n, height, width, channels), scores of classes go out as logits."""

from jaxmath.models._convolution import Conv
from jaxmath.models.describe import Layer, Summary, count_parameters, features, summary
from jaxmath.models.folding import fold_batch_norm
from jaxmath.models.googlenet import GoogLeNet
from jaxmath.models.inception import InceptionModule, NaiveInceptionModule
from jaxmath.models.lenet import LeNet
from jaxmath.models.resnet import ResNet
from jaxmath.models.torchvision import import_torchvision
from jaxmath.models.transfer import Normalized, replace_head
from jaxmath.models.vgg import VGG
from jaxmath.models.weights import load_weights, save_weights

__all__ = [
    "VGG",
    "Conv",
    "GoogLeNet",
    "InceptionModule",
    "Layer",
    "LeNet",
    "NaiveInceptionModule",
    "Normalized",
    "ResNet",
    "Summary",
    "count_parameters",
    "features",
    "fold_batch_norm",
    "import_torchvision",
    "load_weights",
    "replace_head",
    "save_weights",
    "summary",
]
