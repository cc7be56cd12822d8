"""Models in Flax NNX: images come as (n, height, width, channels), scores of classes go out as logits."""

from jaxmath.models._convolution import Conv
from jaxmath.models.autoencoder import VAE, AutoEncoder
from jaxmath.models.bounds import (
    ELBO,
    LogLikelihood,
    active_units,
    elbo,
    importance_bound,
    log_likelihood,
    validate_images,
)
from jaxmath.models.describe import Layer, Summary, count_parameters, features, summary
from jaxmath.models.faster_rcnn import Detections, FasterRCNN, Losses, fasterrcnn_loss, fasterrcnn_predict
from jaxmath.models.folding import fold_batch_norm
from jaxmath.models.googlenet import GoogLeNet
from jaxmath.models.inception import InceptionModule, NaiveInceptionModule
from jaxmath.models.latent import interpolate, latent_grid, sample_images
from jaxmath.models.lenet import LeNet
from jaxmath.models.resnet import ResNet
from jaxmath.models.torchvision import import_torchvision
from jaxmath.models.transfer import Normalized, replace_head
from jaxmath.models.vgg import VGG
from jaxmath.models.weights import load_weights, save_weights

__all__ = [
    "ELBO",
    "VAE",
    "VGG",
    "AutoEncoder",
    "Conv",
    "Detections",
    "FasterRCNN",
    "GoogLeNet",
    "InceptionModule",
    "Layer",
    "LeNet",
    "LogLikelihood",
    "Losses",
    "NaiveInceptionModule",
    "Normalized",
    "ResNet",
    "Summary",
    "active_units",
    "count_parameters",
    "elbo",
    "fasterrcnn_loss",
    "fasterrcnn_predict",
    "features",
    "fold_batch_norm",
    "import_torchvision",
    "importance_bound",
    "interpolate",
    "latent_grid",
    "load_weights",
    "log_likelihood",
    "replace_head",
    "sample_images",
    "save_weights",
    "summary",
    "validate_images",
]
