"""Mixtures of Gaussians, fitted by expectation maximisation."""

from jaxmath.gmm.chunk import Statistics
from jaxmath.gmm.density import aic, bic, log_prob, predict, responsibilities, sample
from jaxmath.gmm.estimate import Fit, fit
from jaxmath.gmm.mixture import GMM
from jaxmath.gmm.slices import conditional, marginal, precisions
from jaxmath.gmm.steps import e_step, em_step, m_step

__all__ = [
    "GMM",
    "Fit",
    "Statistics",
    "aic",
    "bic",
    "conditional",
    "e_step",
    "em_step",
    "fit",
    "log_prob",
    "m_step",
    "marginal",
    "precisions",
    "predict",
    "responsibilities",
    "sample",
]
