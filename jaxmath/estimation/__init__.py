"""Parameters of a distribution from data: maximum likelihood, maximum a posteriori, standard errors."""

from jaxmath.estimation.descent import Descent, descend
from jaxmath.estimation.errors import standard_errors
from jaxmath.estimation.likelihood import (
    censored_log_prob,
    interval_probability,
    negative_log_likelihood,
    truncated_log_prob,
)
from jaxmath.estimation.maximum import mle

__all__ = [
    "Descent",
    "censored_log_prob",
    "descend",
    "interval_probability",
    "mle",
    "negative_log_likelihood",
    "standard_errors",
    "truncated_log_prob",
]
