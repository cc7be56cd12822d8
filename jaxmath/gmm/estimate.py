"""The fit of a mixture by expectation maximisation."""

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Num

from jaxmath import reduce
from jaxmath._array import as_matrix, in_range, narrow, wide
from jaxmath.gmm.climb import Fit, as_settings, best_fit
from jaxmath.gmm.mixture import GMM
from jaxmath.gmm.prior import Prior
from jaxmath.gmm.steps import Data, weighted_rows, whole_rows


def fit(
    key: Array,
    x: Num[ArrayLike, "n d"],
    num_components: int,
    *,
    covariance_type: str = "full",
    weights: Num[ArrayLike, " n"] | None = None,
    init: str | GMM | Num[ArrayLike, "n k"] = "kmeans++",
    n_init: int = 1,
    max_steps: int = 100,
    tol: ArrayLike = 1e-3,
    reg_covar: ArrayLike = 1e-6,
    prior: Prior | None = None,
    chunk_size: int | None = None,
) -> Fit:
    r"""Fits a mixture of Gaussians by expectation maximisation.

    It leads to a stationary point of the mean log-likelihood $\frac1n \sum_i \log \sum_k \pi_k N(x_i \mid \mu_k,
    \Sigma_k)$.

    Every step finds the responsibilities $r_{ik} \propto \pi_k N(x_i \mid \mu_k, \Sigma_k)$ and from them the weights,
    means and covariances that are most likely, which never lowers the likelihood (but for ``reg_covar`` and rounding).
    The steps end when the mean log-likelihood before one differs by less than ``tol`` from that before the last. This
    is scikit-learn's rule: from the same start, the same number of steps gives the same mixture.

    Args:
      key: a ``jax.random.key``, for the start.
      x: data, shape ``(n, d)``.
      num_components: k, static, in 1..n.
      covariance_type: static, one of those of :class:`GMM`.
      weights: how often each row counts, shape ``(n,)``; weight 2 is the row twice. None counts each once.
      init: the first mixture; or responsibilities, shape ``(n, k)``; or how to place centers whose nearest rows make
        the components: ``"kmeans++"``, rows far from each other; ``"kmeans"``, a whole fit of :mod:`jaxmath.kmeans`;
        ``"random"``, any rows.
      n_init: starts, static; the fit of the largest log-likelihood (with a prior, of the largest posterior) is
        returned. They run one after the other in one program, so that memory is that of one.
      max_steps: static.
      tol: see above.
      reg_covar: added to every variance in every step; absolute, as scikit-learn's. Beside it no variance falls below
        eps times the mean variance of the data.
      prior: None for the most likely mixture; with a prior the most probable one. The stopping rule and ``history``
        then add the log-density of the prior, up to a constant, over the number of rows.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`; None for as many as stay in cache. With None, at
        least 4,096 rows and a single CPU device, the products of the columns are kept from step to step, if all of them
        (for full covariances (d + 1) (d + 2) / 2 numbers a row) take at most 256 MB, those of all fits of a ``vmap``
        together.

    Returns:
      The fit, in the type of the data; float16 and bfloat16 are computed in float32.

    Raises:
      TypeError: for complex or non-numeric data, or a traced ``num_components``, ``n_init`` or ``max_steps``.
      ValueError: if the data is not ``(n, d)`` or empty, a number is out of range, a word is unknown, ``init`` does
        not fit the request, or the weights are not ``(n,)``.

    Note:
      A NaN or an infinity in a row that counts, a negative weight, and a covariance that is not positive definite to
      working precision (more columns than its rows can tell apart) make the log-likelihood NaN and end the fit with
      ``converged`` false.
      A component whose weight falls below 10 eps is put beside the heaviest one. The derivative with respect to data,
      weights and ``reg_covar`` is that of the stationary point, which the fit is brought to first; the start, ``tol``
      and ``history`` have none. It is NaN where the stationary point is not found. Many fits at once:
      ``jax.lax.map(lambda a: gmm.fit(*a, 3), (keys, xs))``, or ``jax.vmap`` where each is too small for the device.
      ``history`` is NaN after ``num_steps``, for which ``jax_debug_nans`` raises under a caller's ``jit``; outside of
      one a fit switches that check off for itself.

    Example:
      >>> x = jnp.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
      >>> print([f"{mean:.3f}" for mean in jnp.sort(fit(jax.random.key(0), x, 2).params.means[:, 0])])
      ['1.000', '11.000']

    Reference: section 6.8.2; Dempster, Laird and Rubin (1977); Bishop (2006), section 9.2.2.
    """
    x = as_matrix("gmm.fit", x)
    rows, counted = weighted_rows("gmm.fit", wide(x), weights)
    settings = as_settings("gmm.fit", len(x), num_components, covariance_type, init, n_init, max_steps, chunk_size)
    shift = reduce.typical_row(rows, counted)
    data = Data(rows, counted, in_range("gmm.fit", "reg_covar", reg_covar, "[0, inf)"), prior)
    tol = in_range("gmm.fit", "tol", tol, "[0, inf]")
    with jax.debug_nans(False):  # of a history that ends before max_steps
        return narrow(best_fit("gmm.fit", whole_rows, key, shift, data, rows, init, tol, settings), x.dtype)
