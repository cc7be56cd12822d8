r"""Entropy and divergences of tables of probabilities and of distributions, in nats unless a base is given.

The truth comes first: ``kl_divergence(p, q)`` is the expectation under p of $\log p - \log q$.
"""

from jaxmath.information.fisher import fisher_information
from jaxmath.information.joint import conditional_entropy, mutual_information
from jaxmath.information.measures import cross_entropy, entropy, kl_divergence
from jaxmath.information.monte_carlo import DivergenceEstimate, kl_monte_carlo
from jaxmath.information.tables import jensen_shannon, renyi
from jaxmath.information.transport import wasserstein2

__all__ = [
    "DivergenceEstimate",
    "conditional_entropy",
    "cross_entropy",
    "entropy",
    "fisher_information",
    "jensen_shannon",
    "kl_divergence",
    "kl_monte_carlo",
    "mutual_information",
    "renyi",
    "wasserstein2",
]
