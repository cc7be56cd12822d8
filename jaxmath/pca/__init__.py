"""Principal component analysis."""

from jaxmath.pca.estimate import PCA, MissingPCA, fit, fit_batches, from_moments
from jaxmath.pca.missing import fit_missing, impute
from jaxmath.pca.probabilistic import log_prob, sample
from jaxmath.pca.projection import inverse_transform, projector, reconstruction_error, transform

__all__ = [
    "PCA",
    "MissingPCA",
    "fit",
    "fit_batches",
    "fit_missing",
    "from_moments",
    "impute",
    "inverse_transform",
    "log_prob",
    "projector",
    "reconstruction_error",
    "sample",
    "transform",
]
