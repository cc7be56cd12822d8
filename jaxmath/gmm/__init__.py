"""Mixtures of Gaussians, fitted by expectation maximisation."""

from jaxmath.gmm.chunk import Statistics
from jaxmath.gmm.climb import Fit
from jaxmath.gmm.density import aic, bic, log_prob, predict, responsibilities, sample
from jaxmath.gmm.estimate import fit
from jaxmath.gmm.missing import fit_missing, impute
from jaxmath.gmm.mixture import GMM
from jaxmath.gmm.prior import Prior
from jaxmath.gmm.slices import conditional, covariances, marginal, precisions
from jaxmath.gmm.steps import e_step, em_step, m_step
from jaxmath.gmm.streaming import fit_batches, fit_minibatch

__all__ = [
    "GMM",
    "Fit",
    "Prior",
    "Statistics",
    "aic",
    "bic",
    "conditional",
    "covariances",
    "e_step",
    "em_step",
    "fit",
    "fit_batches",
    "fit_minibatch",
    "fit_missing",
    "impute",
    "log_prob",
    "m_step",
    "marginal",
    "precisions",
    "predict",
    "responsibilities",
    "sample",
]
