"""Regression: linear, polynomial and logistic models, fitted to their optimum."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num

from jaxmath import linalg, moments
from jaxmath._array import (
    as_float,
    as_matrix,
    as_size,
    as_weights,
    in_range,
    narrow,
    product,
    real,
    reciprocal,
    root,
    unmasked,
    wide,
)
from jaxmath.moments import Moments
from jaxmath.optimize.minimum import derivative_if, newton_with_next

# A column whose standard deviation is at most so many rounding units of its mean is constant.
_CONSTANT = 2
# A Newton step that is longer than this part of the weights has not come to rest.
_STILL = 1e-2


class Linear(NamedTuple):
    r"""A linear model, $y = w^T x + b$.

    Attributes:
      weights: w.
      intercept: b.
      residual: the sum of squared residuals, weighted.
      rank: how many columns the data determines; of more weights than that the shortest are returned.
    """

    weights: Float[Array, " d"]
    intercept: Float[Array, ""]
    residual: Float[Array, ""]
    rank: Int[Array, ""]


class Polynomial(NamedTuple):
    r"""A polynomial, $y = \sum_j c_j x^j$.

    Attributes:
      coefficients: $c_0, c_1, \dots$, the constant first.
      residual: the sum of squared residuals.
      rank: degree + 1 where the data determines the polynomial, less where there are fewer different x than that.
    """

    coefficients: Float[Array, " k"]
    residual: Float[Array, ""]
    rank: Int[Array, ""]


class Logistic(NamedTuple):
    r"""A logistic model, $P(\text{label} = 1) = \sigma(w^T x + b)$.

    Attributes:
      weights: w.
      intercept: b.
      loss: the mean cross entropy, and the penalty, of this model.
      num_steps: Newton steps taken.
      converged: whether there is an optimum, and it was reached: false where the classes can be separated without a
        penalty, or there is only one.
    """

    weights: Float[Array, " d"]
    intercept: Float[Array, ""]
    loss: Float[Array, ""]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]


def linear(x: Num[ArrayLike, "n d"], y: Num[ArrayLike, " n"], *, weights: Num[ArrayLike, " n"] | None = None) -> Linear:
    r"""The w and b with the smallest $\sum_i \omega_i (y_i - w^T x_i - b)^2$.

    Through the moments of the rows (x, y): with the scatters $S_{xx}$, $S_{xy}$ about the means it is
    $S_{xx} w = S_{xy}$ and $b = \bar y - w^T \bar x$. Nothing is squared before it is centred, and columns are scaled
    to one size before the system is solved, by singular values.

    Args:
      x: data, shape ``(n, d)``.
      y: what to predict, shape ``(n,)``.
      weights: $\omega$, how often each row counts, shape ``(n,)``; None counts each once.

    Returns:
      The model, in the type of the data.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the data is not ``(n, d)`` or empty, or ``y`` or the weights are not ``(n,)``.

    Note:
      A constant column has weight 0, and so have all columns if there is one row only: then b is the mean of y. Among
      dependent columns the weights are the shortest, after scaling. A NaN in a row that counts makes the model NaN;
      weight 0 leaves a row out, whatever it holds. The scaled $S_{xx}$ squares the condition of the data: for columns
      that differ by less than 1e-3 of their spread (in float32) use :func:`jaxmath.linalg.lstsq`.

    Example:
      >>> print(linear(jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0]))[:2])
      (Array([2.], dtype=float32), Array(1., dtype=float32))

    Reference: sections 3.4.1 and 3.4.3.
    """
    name = "regression.linear"
    x, y, dtype = _pairs(name, x, y)
    if weights is not None:
        weights = as_weights(name, weights, len(x)).astype(x.dtype)
    rows = _joined(x, y, weights)
    return narrow(_linear(rows, weights, moments.of(rows, weights=weights)), dtype)


@jax.jit
def _joined(x: Array, y: Array, weights: Array | None) -> Array:
    """The rows (x, y), zeros where they do not count."""
    rows = jnp.column_stack([x, y])
    return rows if weights is None else jnp.where(weights[:, None] == 0, 0, rows)


@jax.jit
def _linear(rows: Array, weights: Array | None, of_rows: Moments) -> Linear:
    count, mean, scatter = of_rows
    scale = _scale(scatter, mean, count)[:-1]
    inverted = reciprocal(scale)
    correlation = scatter[:-1, :-1] * jnp.outer(inverted, inverted)
    solved = linalg.lstsq(correlation, scatter[:-1, -1] * inverted)
    w = solved.solution * inverted
    b = mean[-1] - product(w, mean[:-1])
    left = rows[:, -1] - product(rows[:, :-1], w) - b
    squares = left**2 if weights is None else weights * left**2
    return Linear(w, b, squares.sum(), solved.rank)


def polynomial(x: Num[ArrayLike, " n"], y: Num[ArrayLike, " n"], degree: int) -> Polynomial:
    r"""The polynomial with the smallest $\sum_i (y_i - \sum_j c_j x_i^j)^2$.

    Powers of x look alike and make a system of bad condition. So it is solved in Chebyshev polynomials of
    $t = (x - m) / h$, which runs from -1 to 1: $T_0 = 1$, $T_1 = t$, $T_{j+1} = 2 t T_j - T_{j-1}$. The coefficients
    are written out in powers of x at the end.

    Args:
      x: shape ``(n,)``.
      y: what to predict, shape ``(n,)``.
      degree: static, at least 1.

    Returns:
      The polynomial, in the type of the data.

    Raises:
      TypeError: for complex or non-numeric input, or a traced degree.
      ValueError: if ``x`` or ``y`` is not ``(n,)``, there is no row, or the degree is below 1.

    Note:
      A NaN makes everything NaN. With fewer different x than degree + 1 (n = 1 among them) one of the polynomials that
      fit is returned, that of the smallest Chebyshev coefficients. Powers of numbers far from 0 cancel in prediction,
      however well the coefficients are known: shift x first.

    Example:
      >>> x = jnp.array([-1.0, 0.0, 1.0, 2.0])
      >>> print(polynomial(x, x**2 - x + 2, 2).coefficients.round(4))
      [ 2. -1.  1.]

    Reference: section 3.4.2; Trefethen (2013) for the basis.
    """
    name = "regression.polynomial"
    x, degree = as_float(name, x), as_size(name, "degree", degree)
    if x.ndim != 1:
        raise ValueError(f"{name}: expected x of shape (n,), got {x.shape}")
    rows, y, dtype = _pairs(name, x[:, None], y)
    return narrow(_polynomial(rows, y, degree), dtype)


@partial(jax.jit, static_argnames="degree")
def _polynomial(rows: Array, y: Array, degree: int) -> Polynomial:
    x = rows[:, 0]
    middle, half = (x.max() + x.min()) / 2, (x.max() - x.min()) / 2
    half = jnp.where(half == 0, 1, half)
    t = (x - middle) / half
    columns = [jnp.ones_like(t), t]
    for _ in range(degree - 1):
        columns.append(2 * t * columns[-1] - columns[-2])
    solved = linalg.lstsq(jnp.stack(columns, axis=1), y)
    return Polynomial(_in_powers(solved.solution, middle, half), solved.residual, solved.rank)


def logistic(
    x: Num[ArrayLike, "n d"], labels: Num[ArrayLike, " n"], *, l2: ArrayLike = 0.0, max_steps: int = 50
) -> Logistic:
    r"""The w and b with the smallest mean cross entropy, by Newton's method.

    Minimises $\frac{1}{n} \sum_i \left( -t_i \log p_i - (1 - t_i) \log (1 - p_i) \right) + \frac{\lambda}{2} \|w\|^2$
    with $p_i = \sigma(w^T x_i + b)$. A Newton step solves a least squares problem in which row i has the weight
    $p_i (1 - p_i)$, whence the name iteratively reweighted least squares. See :func:`jaxmath.optimize.newton`.

    Args:
      x: data, shape ``(n, d)``.
      labels: t, 0 or 1 (or a probability in between), shape ``(n,)``.
      l2: $\lambda \ge 0$; scikit-learn's C is $1 / (n \lambda)$. Below 0 in an array it makes the model NaN.
      max_steps: static.

    Returns:
      The model, in the type of the data. Its derivative is that of the optimum.

    Raises:
      TypeError: for complex or non-numeric input, or a traced ``max_steps``.
      ValueError: if the data is not ``(n, d)`` or empty, the labels are not ``(n,)``, or ``l2`` is below 0.

    Note:
      Where a plane separates the classes and ``l2`` is 0 there is no optimum: the weights grow without end,
      ``converged`` is false and derivatives are NaN. With one class alone (one row, say) the same is true of the
      intercept, which is not penalised. A constant column has weight 0. A NaN, or a label outside of 0..1, makes the
      model NaN.

    Example:
      >>> x, labels = jnp.array([[0.0], [1.0], [2.0], [3.0]]), jnp.array([0, 1, 0, 1])
      >>> model = logistic(x, labels)
      >>> print(f"{model.weights[0]:.4f} {model.intercept:.4f} {model.converged}")
      0.9082 -1.3623 True

    Reference: McCullagh and Nelder (1989), section 4.4.
    """
    name = "regression.logistic"
    x, t, dtype = _pairs(name, x, unmasked(name, "labels", labels))
    max_steps, l2 = as_size(name, "max_steps", max_steps), in_range(name, "l2", l2, "[0, inf)").astype(x.dtype)
    return narrow(_logistic(x, t, l2, max_steps), dtype)


def predict(model: Linear | Polynomial | Logistic, x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""What a model says of every row: $w^T x + b$, $\sum_j c_j x^j$, or the probability $\sigma(w^T x + b)$.

    Args:
      model: from :func:`linear`, :func:`polynomial` or :func:`logistic`, whose probability is that of label 1.
      x: shape ``(n, d)`` with as many columns as the model has weights; for a polynomial any shape.

    Returns:
      Predictions, shape ``(n,)``; for a polynomial, of the shape of x.

    Raises:
      TypeError: for complex or non-numeric input, or what is no model.
      ValueError: if ``x`` is not ``(n, d)``.

    Note:
      A row with a NaN is predicted as NaN, the others are not touched.

    Example:
      >>> model = linear(jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0]))
      >>> print(predict(model, jnp.array([[10.0]])))
      [21.]
    """
    name = "regression.predict"
    if isinstance(model, Polynomial):
        x = as_float(name, x)
        dtype = jnp.promote_types(x.dtype, model.coefficients.dtype)
        return _predict(model, wide(x)).astype(dtype)
    if not isinstance(model, Linear | Logistic):
        raise TypeError(f"{name}: expected a model of this module, got {type(model).__name__}")
    x = as_matrix(name, x)
    if x.shape[1] != len(model.weights):
        raise ValueError(f"{name}: expected data of shape (n, {len(model.weights)}), got {x.shape}")
    dtype = jnp.promote_types(x.dtype, model.weights.dtype)
    return _predict(model, wide(x)).astype(dtype)


@jax.jit
def _predict(model: Linear | Polynomial | Logistic, x: Array) -> Array:
    if isinstance(model, Polynomial):
        return jnp.polyval(wide(model.coefficients)[::-1], x)
    scores = product(x, wide(model.weights)) + model.intercept
    return jax.nn.sigmoid(scores) if isinstance(model, Logistic) else scores


def _pairs(name: str, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array, jnp.dtype]:
    """Rows and what belongs to them in one type of float32 or wider, and the type of the result."""
    x, given = as_matrix(name, x), real(name, y)
    y = as_float(name, given, wide(x).dtype)
    if y.shape != x.shape[:1]:
        raise ValueError(f"{name}: expected {len(x)} numbers to predict, shape ({len(x)},), got {y.shape}")
    dtype = jnp.promote_types(x.dtype, y.dtype) if jnp.issubdtype(given.dtype, jnp.floating) else x.dtype
    return wide(x.astype(dtype)), wide(y.astype(dtype)), dtype


def _scale(scatter: Array, mean: Array, count: Array) -> Array:
    """Standard deviations; 0 where a column is constant."""
    deviation = root(jnp.diagonal(scatter) / count)
    rounding = _CONSTANT * jnp.finfo(mean.dtype).eps * jnp.abs(mean)
    return jnp.where(deviation <= rounding, 0, deviation)


def _in_powers(a: Array, middle: Array, half: Array) -> Array:
    """The coefficients of $x^j$ from those of Chebyshev polynomials in (x - middle) / half."""
    to_powers = np.stack([_chebyshev(j, len(a)) for j in range(len(a))], axis=1)
    of_t = product(jnp.asarray(to_powers, a.dtype), a)
    c = jnp.zeros_like(a)
    for coefficient in of_t[::-1]:  # Horner's rule with polynomials for numbers
        c = (jnp.roll(c, 1) - middle * c) / half
        c = c.at[0].add(coefficient)
    return c


def _chebyshev(j: int, length: int) -> np.ndarray:
    powers = np.polynomial.chebyshev.cheb2poly(np.eye(length)[j])
    return np.pad(powers, (0, length - len(powers)))


@partial(jax.jit, static_argnums=3)
def _logistic(x: Array, t: Array, l2: Array, max_steps: int) -> Logistic:
    """The fit, in columns of mean 0 that have about one curvature, of the data and the penalty together.

    Which columns these are changes nothing in the model, so their means and scales carry no derivative.
    """
    mean, variance = _mean_and_variance(jax.lax.stop_gradient(x))
    inverted = jnp.where(variance > 0, jax.lax.rsqrt(variance + 4 * jax.lax.stop_gradient(l2)), 0)
    z = jnp.pad((x - mean) * inverted, ((0, 0), (0, 1)), constant_values=1)
    t, penalty = jnp.where((t >= 0) & (t <= 1), t, jnp.nan), l2 / 2 * jnp.pad(inverted, (0, 1)) ** 2

    def loss(params: Array) -> Array:
        scores = product(z, params)
        return _cross_entropy(scores, t).mean() + jnp.sum(penalty * params**2)

    tol = 20 * jnp.finfo(x.dtype).eps
    fit, next_step = newton_with_next("regression.logistic", loss, jnp.zeros(x.shape[1] + 1, x.dtype), max_steps, tol)
    # where there is no optimum all steps have about one length
    at_rest = next_step <= _STILL * (1 + jnp.linalg.norm(jax.lax.stop_gradient(fit.params)))
    converged = fit.converged & at_rest
    known = (jnp.where(fit.failed_step < 0, a, jnp.nan) for a in (fit.params, fit.loss))
    params, value = (derivative_if(a, converged) for a in known)
    w = params[:-1] * inverted
    return Logistic(w, params[-1] - product(w, mean), value, fit.num_steps, converged)


def _mean_and_variance(x: Array) -> tuple[Array, Array]:
    """Of every column, the mean up to rounding; the variance of a constant one is 0."""
    mean = x.mean(axis=0)
    left = x - mean
    variance = (left**2).mean(axis=0) - left.mean(axis=0) ** 2
    rounding = _CONSTANT * jnp.finfo(x.dtype).eps * jnp.abs(mean)
    return mean, jnp.where(variance <= rounding**2, 0, variance)


@jax.custom_jvp
def _cross_entropy(scores: Array, t: Array) -> Array:
    r"""$\log(1 + e^s) - t s$, of which nothing cancels at a label of 0 or 1, with the derivative $\sigma(s) - t$."""
    return (jnp.maximum(scores, 0) - t * scores) + jnp.log1p(jnp.exp(-jnp.abs(scores)))


@_cross_entropy.defjvp
def _cross_entropy_jvp(primals, tangents):
    (scores, t), (dscores, dt) = primals, tangents
    return _cross_entropy(scores, t), (jax.nn.sigmoid(scores) - t) * dscores - scores * dt
