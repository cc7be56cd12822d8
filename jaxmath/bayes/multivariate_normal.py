"""Conjugate models of vectors of a multivariate normal distribution."""

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath import moments
from jaxmath._array import product
from jaxmath._core import gaussian
from jaxmath._record import record
from jaxmath.bayes.evidence import log_gamma_step
from jaxmath.bayes.model import Model
from jaxmath.bayes.normal import LOG_2_PI
from jaxmath.bayes.sufficient import typical_row
from jaxmath.distributions import MultivariateNormal, MultivariateStudentT, NormalWishart, Wishart
from jaxmath.distributions.constraints import POSITIVE_DEFINITE, REAL, cholesky, gram
from jaxmath.distributions.multivariate_normal import _factor, _inverse_factor
from jaxmath.distributions.wishart import solve
from jaxmath.moments import Moments


class Vectors(Model):
    """A model of data of which each row has a normal vector: the row itself."""

    event_ranks: ClassVar = (1,)
    support: ClassVar = "real numbers"

    def _columns(self, rows: Any) -> Array:
        """The vectors, shape (n, d)."""
        return rows

    def _inside(self, rows: Any) -> Array:
        return jnp.isfinite(self._columns(rows)).all(axis=-1)


class VectorGaussian(Vectors):
    """A model whose sufficient statistics are the moments of vectors."""

    statistics_type: ClassVar = Moments

    def _shift(self, rows: Any, weights: Array | None) -> Array:
        return typical_row(self._columns(rows), weights)

    def _centered(self, rows: Any, weights: Array, shift: Any) -> Moments:
        return moments._weighted_statistics(shift, self._columns(rows), weights)

    def _unshifted(self, sufficient: Moments, shift: Any) -> Moments:
        return moments._unshift(sufficient, shift)


def times(matrix: Float[Array, "*#b n m"], vector: Float[Array, "*#b m"]) -> Float[Array, "*b n"]:
    """Products of matrices and vectors, of which both may have batch axes."""
    return product(matrix, vector[..., None])[..., 0]


def factor_of_sum(factor: Float[Array, "*#b d d"], matrix: Float[Array, "*#b d d"]) -> Float[Array, "*b d d"]:
    r"""The lower factor of $I + T^T M T$ for a factor T and a symmetric matrix M."""
    return cholesky(jnp.eye(factor.shape[-1], dtype=matrix.dtype) + product(factor.mT, product(matrix, factor)))


def log_diagonal_of_sum(factor: Float[Array, "*#b d d"], matrix: Float[Array, "*#b d d"]) -> Float[Array, "*b d"]:
    r"""The logarithms of the diagonal of that factor, with all digits where the matrix is small."""
    of_sum = factor_of_sum(factor, matrix)
    squares = jnp.sum(product(factor.mT, matrix) * factor.mT, axis=-1)
    excess = squares - jnp.sum(jnp.tril(of_sum, -1) ** 2, axis=-1)
    small = excess < 1
    diagonal = jnp.diagonal(of_sum, axis1=-2, axis2=-1)
    return jnp.where(small, jnp.log1p(jnp.where(small, excess, 0)) / 2, jnp.log(jnp.where(small, 1, diagonal)))


def outer(vector: Float[Array, "*b d"]) -> Float[Array, "*b d d"]:
    """The outer product of a vector with itself."""
    return vector[..., :, None] * vector[..., None, :]


@record()
class MultivariateMean(VectorGaussian):
    r"""$x_i \sim N(\mu, \Lambda^{-1})$ with known precision $\Lambda$, $\mu \sim N(m, \Lambda_0^{-1})$.

    The posterior is normal with the precision $\Lambda_n = n \Lambda + \Lambda_0$ and the mean $m_n = m +
    \Lambda_n^{-1} n \Lambda (\bar x - m)$; it is given by its precision, in whatever form the prior is. One more
    observation has the covariance $\Lambda^{-1} + \Lambda_n^{-1}$.

    Args:
      precision: $\Lambda$, shape (d, d), symmetric and positive definite.

    Example:
      >>> prior = MultivariateNormal(jnp.zeros(2), covariance=jnp.eye(2))
      >>> print(MultivariateMean(jnp.eye(2)).posterior(prior, jnp.array([[1.0, 2.0], [3.0, 2.0], [2.0, 4.0]])).loc)
      [1.5 2. ]

    Reference: section 13.8; Bishop (2006), exercise 2.40.
    """

    precision: Any
    constraints: ClassVar = {"precision": POSITIVE_DEFINITE}
    parameter_ranks: ClassVar = {"precision": 2}
    prior_types: ClassVar = (MultivariateNormal,)

    def _solve(self, prior: Any, found: Moments) -> tuple[Array, Array, Array]:
        r"""With $\Lambda = C C^T$, $\Lambda_0^{-1} = T T^T$: $B = C^T T$, the factor F of $I + n B B^T$ and $F^{-1} C^T
        (\bar x - m)$."""
        half = cholesky(self.precision).mT
        b = product(half, _factor(prior))
        identity = jnp.eye(b.shape[-1], dtype=b.dtype)
        factor = cholesky(identity + found.count[..., None, None] * gram(b))
        return b, factor, gaussian.whiten(factor, times(half, found.mean - prior.loc))

    def _update(self, prior: Any, sufficient: Moments) -> MultivariateNormal:
        count, (b, factor, z) = sufficient.count[..., None], self._solve(prior, sufficient)
        step = times(product(_factor(prior), b.mT), times(inverse(factor).mT, z))
        precision = _precision(prior) + count[..., None] * self.precision
        return MultivariateNormal(prior.loc + count * step, precision=precision)

    def _log_evidence(self, prior: Any, sufficient: Moments) -> Array:
        r"""$-\frac{n d}2 \log 2 \pi + \frac n2 \log |\Lambda| - \frac12 \operatorname{tr} \Lambda S - \sum_j
        \log F_{jj} - \frac n2 \| z \|^2$."""
        count, (_, factor, z) = sufficient.count, self._solve(prior, sufficient)
        d, half = z.shape[-1], cholesky(self.precision)
        of_scatter = jnp.sum(self.precision * sufficient.scatter, axis=(-2, -1))
        of_data = count * (2 * gaussian.half_log_determinant(half) - d * LOG_2_PI) - of_scatter
        return (of_data - count * jnp.sum(z**2, axis=-1)) / 2 - gaussian.half_log_determinant(factor)

    def _predictive(self, posterior: Any) -> MultivariateNormal:
        own = gram(_inverse_factor(self.precision))
        return MultivariateNormal(posterior.loc, covariance=own + gram(_factor(posterior)))


def inverse(factor: Float[Array, "*b d d"]) -> Float[Array, "*b d d"]:
    """The inverse of a lower factor."""
    return solve(factor, jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape))


def _precision(prior: Any) -> Array:
    given = vars(prior)["precision"]
    return gram(inverse(_factor(prior)).mT) if given is None else given


class WithWishart(Vectors):
    r"""A normal model whose precision has a Wishart prior of $\nu$ degrees of freedom and scale V.

    The posterior has $\nu_n = \nu + n$, $V_n^{-1} = V^{-1} + M$ with a matrix M of squares. With $V = T T^T$ and the
    factor F of $I + T^T M T$, $V_n = G G^T$ for $G = T F^{-T}$.
    """

    def _squares(self, prior: Any, found: Any) -> Array:
        """M."""
        raise NotImplementedError

    def _updated_scale(self, prior: Any, found: Any) -> Array:
        factor = cholesky(prior.scale)
        of_sum = factor_of_sum(factor, self._squares(prior, found))
        return gram(solve(of_sum, factor.mT).mT)

    def _log_evidence(self, prior: Any, sufficient: Any) -> Array:
        r"""$-\frac{n d}2 \log \pi + \frac n2 \log |V| + \sum_j \left( \log \Gamma(a_j + \frac n2) - \log \Gamma(a_j) -
        \nu_n \log F_{jj} \right)$ with $a_j = \frac{\nu - j + 1}2$."""
        factor = cholesky(prior.scale)
        count, df, d = sufficient.count, prior.df[..., None], prior.num_rows
        steps = log_gamma_step((df - jnp.arange(d, dtype=factor.dtype)) / 2, count[..., None] / 2)
        growth = (df + count[..., None]) * log_diagonal_of_sum(factor, self._squares(prior, sufficient))
        constant = count * (gaussian.half_log_determinant(factor) - d / 2 * math.log(math.pi))
        return constant + jnp.sum(steps - growth, axis=-1)

    def _student_t(self, d: Any, loc: Array, size: Array) -> MultivariateStudentT:
        r"""Of $\nu - d + 1$ degrees of freedom and the squared scale V^-1 times a size over these."""
        df = d.df - d.num_rows + 1
        return MultivariateStudentT(df, loc, _inverse_factor(d.scale) * jnp.sqrt(size / df)[..., None, None])


class CountSquares(NamedTuple):
    """The sum of weights and the weighted sum of outer products of rows, less the known mean, with themselves."""

    count: Array
    squares: Array


@record()
class MultivariatePrecision(WithWishart):
    r"""$x_i \sim N(\mu, T^{-1})$ with known mean $\mu$, $T \sim \mathrm{Wishart}(\nu, V)$.

    The posterior has $\nu_n = \nu + n$ and $V_n^{-1} = V^{-1} + \sum_i (x_i - \mu)(x_i - \mu)^T$. One more observation
    has Student's t distribution of $\nu - d + 1$ degrees of freedom and squared scale $V^{-1} / (\nu - d + 1)$.

    Args:
      loc: the mean $\mu$, shape (d,).

    Example:
      >>> model = MultivariatePrecision(jnp.zeros(2))
      >>> print(model.posterior(Wishart(3.0, jnp.eye(2)), jnp.array([[1.0, 0.0]] * 3)).scale)
      [[0.25 0.  ]
       [0.   1.  ]]

    Reference: Bishop (2006), section 2.3.6.
    """

    loc: Any
    constraints: ClassVar = {"loc": REAL}
    parameter_ranks: ClassVar = {"loc": 1}
    prior_types: ClassVar = (Wishart,)
    statistics_type: ClassVar = CountSquares

    def _statistics(self, rows: Array, weights: Array) -> CountSquares:
        deviation = rows - self.loc
        return CountSquares(weights.sum(), product((weights[:, None] * deviation).T, deviation))

    def _squares(self, prior: Any, found: CountSquares) -> Array:
        return found.squares

    def _update(self, prior: Wishart, sufficient: CountSquares) -> Wishart:
        return Wishart(prior.df + sufficient.count, self._updated_scale(prior, sufficient))

    def _predictive(self, posterior: Wishart) -> MultivariateStudentT:
        return self._student_t(posterior, self.loc, jnp.ones_like(posterior.df))


@record()
class MultivariateMeanPrecision(WithWishart, VectorGaussian):
    r"""$x_i \sim N(\mu, T^{-1})$, $(\mu, T) \sim \mathrm{NormalWishart}(m, \lambda, \nu, V)$.

    The posterior has $\lambda_n = \lambda + n$, $\nu_n = \nu + n$, $m_n = m + \frac n{\lambda_n} (\bar x - m)$ and
    $V_n^{-1} = V^{-1} + S + \frac{\lambda n}{\lambda_n} (\bar x - m)(\bar x - m)^T$ with the scatter S. One more
    observation has Student's t distribution of $\nu - d + 1$ degrees of freedom, location m and squared scale
    $\frac{\lambda + 1}{\lambda (\nu - d + 1)} V^{-1}$.

    Example:
      >>> prior = NormalWishart(jnp.zeros(2), 1.0, 3.0, jnp.eye(2))
      >>> print(MultivariateMeanPrecision().posterior(prior, jnp.array([[2.0, 4.0]])).loc)
      [1. 2.]

    Reference: section 13.8; Bishop (2006), section 2.3.6; Murphy (2012), section 4.6.3.
    """

    prior_types: ClassVar = (NormalWishart,)

    def _squares(self, prior: NormalWishart, found: Moments) -> Array:
        size = prior.precision_scale * (found.count / (prior.precision_scale + found.count))
        return found.scatter + size[..., None, None] * outer(found.mean - prior.loc)

    def _update(self, prior: NormalWishart, sufficient: Moments) -> NormalWishart:
        count, precision_scale = sufficient.count, prior.precision_scale + sufficient.count
        loc = prior.loc + (sufficient.mean - prior.loc) * (count / precision_scale)[..., None]
        return NormalWishart(loc, precision_scale, prior.df + count, self._updated_scale(prior, sufficient))

    def _log_evidence(self, prior: NormalWishart, sufficient: Moments) -> Array:
        of_mean = prior.num_rows / 2 * jnp.log1p(sufficient.count / prior.precision_scale)
        return super()._log_evidence(prior, sufficient) - of_mean

    def _predictive(self, posterior: NormalWishart) -> MultivariateStudentT:
        size = (posterior.precision_scale + 1) / posterior.precision_scale
        return self._student_t(posterior, posterior.loc, size)
