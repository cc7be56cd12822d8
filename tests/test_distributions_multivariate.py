"""Distributions of vectors, matrices and pairs: laws that tie them to each other and to those of numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from quick import quick
from scipy import stats

from jaxmath import distributions as D

EPS = float(jnp.finfo(jnp.zeros(()).dtype).eps)
CLOSE = dict(rtol=200 * EPS, atol=200 * EPS)
RNG = np.random.default_rng(0)
LOC = np.array([0.5, -1.0])
MATRIX = np.array([[2.0, 0.6], [0.6, 1.0]])
FACTOR = np.linalg.cholesky(MATRIX)
FORMS = {"covariance": MATRIX, "precision": np.linalg.inv(MATRIX), "scale_tril": FACTOR}
every_form = pytest.mark.parametrize("form", FORMS)
N = 4000


def log_prob(d, *x):
    return quick(_log_prob, d, x[0] if len(x) == 1 else x)


def gradient(d, *x):
    """Of the sum of log-densities, in the distribution and the argument."""
    return quick(_gradient, d, x[0] if len(x) == 1 else x)


_gradient = jax.grad(lambda d, x: d.log_prob(x).sum(), argnums=(0, 1))


def read(d, *names):
    return quick(_read, d, ",".join(names))


def _read(d, names):
    return tuple(d.entropy() if name == "entropy" else getattr(d, name) for name in names.split(","))


def shapes(d, *names):
    return jax.tree.map(np.shape, jax.eval_shape(lambda d: _read(d, ",".join(names)), d))


def _log_prob(d, x):
    return d.log_prob(x)


def agree(a, b, **tolerance):
    for got, wanted in zip(jax.tree.leaves(a), jax.tree.leaves(b, is_leaf=lambda x: isinstance(x, list)), strict=True):
        np.testing.assert_allclose(np.reshape(got, np.shape(wanted)), wanted, **(tolerance or CLOSE))


# One dimension.


# Degrees of freedom, scales and arguments, every one with every other.
DF, SCALE, RATIO = (a.ravel() for a in np.meshgrid([0.02, 1.0, 2.5, 40.0, 1e4], [0.02, 1.0, 1e4], [0.1, 1.0, 3.0]))


def test_one_row_is_a_gamma_distribution():
    x, matrices = RATIO * DF * SCALE, SCALE[:, None, None]
    names = ("mean", "variance", "entropy")
    wishart, number = D.Wishart(DF, matrices), D.Gamma(DF / 2, 1 / (2 * SCALE))
    agree(log_prob(wishart, x[:, None, None]), log_prob(number, x), rtol=2e3 * EPS, atol=2e3 * EPS)
    agree(read(wishart, *names), read(number, *names))
    inverse, number = D.InverseWishart(DF, matrices), D.InverseGamma(DF / 2, SCALE / 2)
    x = SCALE / DF / RATIO
    agree(log_prob(inverse, x[:, None, None]), log_prob(number, x), rtol=2e3 * EPS, atol=2e3 * EPS)
    agree(read(inverse, "mode", "entropy"), read(number, "mode", "entropy"))


def test_one_column_is_the_distribution_of_a_number():
    names = ("mean", "variance", "mode", "entropy")
    loc, x, factor = RATIO, RATIO * (SCALE + 1), SCALE[:, None, None]
    vector, number = D.MultivariateStudentT(DF, loc[:, None], factor), D.StudentT(DF, loc, SCALE)
    agree(log_prob(vector, x[:, None]), log_prob(number, x))
    agree(read(vector, *names), read(number, *names))
    for form, value in {"covariance": factor**2, "precision": factor**-2, "scale_tril": factor}.items():
        vector, number = D.MultivariateNormal(loc[:, None], **{form: value}), D.Normal(loc, SCALE)
        agree(log_prob(vector, x[:, None]), log_prob(number, x))
        agree(read(vector, *names), read(number, *names))


def test_one_row_is_a_normal_gamma_distribution():
    df, scale, mean, precision = np.array([0.7, 5.0]), 1.5, 0.3, np.array([1.0, 4.0])
    matrices = D.NormalWishart(np.array([0.5]), 2.0, df, np.array([[scale]]))
    numbers = D.NormalGamma(0.5, 2.0, df / 2, 1 / (2 * scale))
    point = np.full((2, 1), mean), precision[:, None, None]
    agree(log_prob(matrices, *point), log_prob(numbers, mean, precision))
    names = ("mean", "variance", "mode")
    agree(read(matrices, *names), read(numbers, *names))


# How the families belong together.


def test_the_precision_is_the_inverse_of_the_variance():
    mean, variance = RNG.normal(size=6), RNG.uniform(0.2, 3, size=6)
    by_variance, by_precision = D.NormalInverseGamma(0.5, 2.0, 3.0, 1.5), D.NormalGamma(0.5, 2.0, 3.0, 1.5)
    agree(
        log_prob(by_variance, mean, variance) + 2 * np.log(variance),
        log_prob(by_precision, mean, 1 / variance),
    )


def test_the_inverse_of_a_wishart_matrix_is_of_the_inverse_wishart_distribution():
    x = stats.wishart(5, np.eye(3)).rvs(4, random_state=1)
    scale = stats.wishart(5, np.eye(3)).rvs(random_state=2)
    wishart, inverse = D.Wishart(4.5, np.linalg.inv(scale)), D.InverseWishart(4.5, scale)
    jacobian = 4 * np.linalg.slogdet(x)[1]
    agree(log_prob(inverse, np.linalg.inv(x)) - jacobian, log_prob(wishart, x), rtol=1e4 * EPS)


@pytest.mark.parametrize("concentration", [0.4, 3.0, 200.0])
def test_the_mean_has_students_t_distribution(concentration):
    """The integral over the logarithm of the precision, or of the variance."""
    mean, step = np.array([-1.0, 0.5, 4.0]), 0.05
    log_precision = np.arange(-40, 12, step)[:, None]
    marginal = stats.t(2 * concentration, 0.5, np.sqrt(1.5 / (concentration * 2.0))).logpdf(mean)
    for family, sign in ((D.NormalGamma, 1), (D.NormalInverseGamma, -1)):
        d = family(0.5, 2.0, concentration, 1.5)
        joint = log_prob(d, mean[None], np.exp(sign * log_precision)) + sign * log_precision
        agree(jax.scipy.special.logsumexp(joint, axis=0) + np.log(step), marginal, rtol=1e-5)


def test_a_normal_vector_given_a_wishart_matrix_has_the_marginal_of_students_t():
    """p(mean) = p(mean, T) / p(T | mean), where T given the mean is of a Wishart distribution with one more sample."""
    mean, precision = np.array([0.3, 1.2]), np.array([[1.5, 0.2], [0.2, 0.8]])
    df, size = 4.2, 2.0
    d = D.NormalWishart(LOC, size, df, MATRIX)
    scatter = size * np.outer(mean - LOC, mean - LOC)
    given_mean = D.Wishart(df + 1, np.linalg.inv(np.linalg.inv(MATRIX) + scatter))
    shape = np.linalg.inv(MATRIX) / (size * (df - 1))
    marginal = D.MultivariateStudentT(df - 1, LOC, np.linalg.cholesky(shape))
    agree(log_prob(d, mean, precision) - log_prob(given_mean, precision), log_prob(marginal, mean), rtol=1e3 * EPS)
    agree(read(d, "variance")[0].mean, np.diag(shape) * (df - 1) / (df - 3))


@every_form
def test_what_was_not_given_can_be_read(form):
    d = D.MultivariateNormal(LOC, **{form: FORMS[form]})
    for name, value in FORMS.items():
        agree(getattr(d, name), value)
    half = D.MultivariateNormal(jnp.zeros(2, jnp.bfloat16), **{form: jnp.asarray(FORMS[form], jnp.bfloat16)})
    for name, value in FORMS.items():
        assert getattr(half, name).dtype == jnp.bfloat16
        agree(np.float32(getattr(half, name)), value, rtol=0.1)


def test_a_bivariate_density_of_the_book():
    assert f"{D.MultivariateNormal(np.zeros(2), covariance=5 * np.eye(2)).log_prob(np.zeros(2)):.3f}" == "-3.447"


# Derivatives.


@every_form
def test_derivatives_of_the_normal_density(form):
    """$G = \\frac12 (S^{-1} r r^T S^{-1} - S^{-1})$ in the covariance S, $-S G S$ in its inverse, 2 G L in L."""
    x = np.array([1.7, 0.4])
    of_d, of_x = gradient(D.MultivariateNormal(LOC, **{form: FORMS[form]}), x)
    solved = np.linalg.solve(MATRIX, x - LOC)
    g = (np.outer(solved, solved) - np.linalg.inv(MATRIX)) / 2
    wanted = {"covariance": g, "precision": -MATRIX @ g @ MATRIX, "scale_tril": np.tril(2 * g @ FACTOR)}[form]
    agree(np.tril(vars(of_d)[form]) if form == "scale_tril" else vars(of_d)[form], wanted)
    agree(of_x, -solved)
    agree(of_d.loc, solved)


# Draws.


def draw(d):
    return quick(_draw, d, jax.random.key(0))


def _draw(d, key):
    return d.sample(key, (N,))


def check_marginals(drawn, distribution):
    assert stats.kstest(np.float64(drawn), distribution.cdf).pvalue > 1e-4


def check_mean(drawn, mean, variance):
    """Within six standard errors."""
    np.testing.assert_array_less(np.abs(np.mean(drawn, axis=0, dtype=float) - mean), 6 * np.sqrt(variance / N))


@every_form
def test_normal_vectors_are_white_after_their_factor_is_taken_away(form):
    drawn = draw(D.MultivariateNormal(LOC, **{form: FORMS[form]}))
    white = np.linalg.solve(FACTOR, (drawn - LOC).T).T
    check_mean(white, np.zeros(2), np.ones(2))
    outer = white[:, :, None] * white[:, None, :]
    check_mean(outer, np.eye(2), 1 + np.eye(2))
    check_marginals(white[:, 0], stats.norm)


def test_vectors_of_students_t_distribution():
    d = D.MultivariateStudentT(np.array([0.5, 9.0]), LOC, FACTOR)
    drawn = np.float64(draw(d))
    white = np.linalg.solve(FACTOR, (drawn - LOC)[..., None])[..., 0]
    for i, df in enumerate((0.5, 9.0)):
        check_marginals(np.sum(white[:, i] ** 2, axis=-1) / 2, stats.f(2, df))
        check_marginals(np.arctan2(white[:, i, 1], white[:, i, 0]), stats.uniform(-np.pi, 2 * np.pi))
    covariance, centred = read(d, "covariance")[0][1], drawn[:, 1] - LOC
    spread = np.outer(np.diag(covariance), np.diag(covariance)) + 2 * covariance**2  # of products, up to 7 / 5
    check_mean(centred[:, :, None] * centred[:, None, :], covariance, 7 / 5 * spread)


def test_matrices():
    """Means; the distribution of an entry of the diagonal, and of the last pivot; what the inverse is."""
    df = np.array([1.5, 8.0])
    drawn, inverses = np.float64(draw(D.Wishart(df, MATRIX))), np.float64(draw(D.InverseWishart(df + 4, MATRIX)))
    mean, variance = read(D.Wishart(df, MATRIX), "mean", "variance")
    check_mean(drawn, mean, variance)
    pivots = drawn[..., 1, 1] - drawn[..., 0, 1] ** 2 / drawn[..., 0, 0]
    for i in range(2):
        check_marginals(drawn[:, i, 0, 0] / MATRIX[0, 0], stats.chi2(df[i]))
        check_marginals(pivots[:, i] / FACTOR[1, 1] ** 2, stats.chi2(df[i] - 1))
    mean, variance = read(D.InverseWishart(df + 4, MATRIX), "mean", "variance")
    check_mean(inverses, mean, variance)
    for i in range(2):
        check_marginals(inverses[:, i, 0, 0], stats.invgamma((df[i] + 3) / 2, scale=MATRIX[0, 0] / 2))
        pivots = 1 / np.linalg.inv(inverses[:, i])[:, 0, 0]
        check_marginals(pivots, stats.invgamma((df[i] + 4) / 2, scale=1 / np.linalg.inv(MATRIX)[0, 0] / 2))
    mean, variance = read(D.InverseWishart(df, np.linalg.inv(MATRIX)), "mean", "variance")
    check_mean(np.linalg.inv(drawn[:, 1]), mean[1], variance[1])


def test_pairs():
    a = np.array([0.5, 4.0])
    for d, marginal in (
        (D.NormalGamma(0.5, 2.0, a, 1.5), lambda a: stats.gamma(a, scale=1 / 1.5)),
        (D.NormalInverseGamma(0.5, 2.0, a, 1.5), lambda a: stats.invgamma(a, scale=1.5)),
    ):
        mean, other = draw(d)
        precision = other if isinstance(d, D.NormalGamma) else 1 / other
        for i in range(2):
            check_marginals(other[:, i], marginal(a[i]))
            check_marginals(mean[:, i], stats.t(2 * a[i], 0.5, np.sqrt(1.5 / (a[i] * 2.0))))
            check_marginals((mean[:, i] - 0.5) * np.sqrt(2.0 * precision[:, i]), stats.norm)
    drawn = draw(D.NormalWishart(LOC, 2.0, 4.5, MATRIX))
    mean, precision = np.float64(drawn.mean), np.float64(drawn.precision)
    check_mean(precision, 4.5 * MATRIX, D.Wishart(4.5, MATRIX).variance)
    check_marginals(precision[:, 1, 1], stats.chi2(4.5, scale=MATRIX[1, 1]))
    white = np.sqrt(2.0) * np.swapaxes(np.linalg.cholesky(precision), -2, -1) @ (mean - LOC)[..., None]
    check_marginals(white.ravel(), stats.norm)
    check_mean(white[:, 0] * white[:, 1], 0, 1)


# Batches.


def test_batches_of_parameters_and_arguments():
    """Every pair of three locations and four factors against two arguments, as one by one."""
    loc, x = RNG.normal(size=(3, 1, 2)), RNG.normal(size=(2, 1, 1, 2))
    factors = np.tril(RNG.normal(size=(4, 2, 2)), -1) + RNG.uniform(0.5, 2, size=(4, 2, 1)) * np.eye(2)
    df = np.array([2.5, 3.5, 4.5])[:, None]
    for d, expected in (
        (D.MultivariateNormal(loc, scale_tril=factors), lambda n, m, s: stats.multivariate_normal(m, s)),
        (D.MultivariateStudentT(df, loc, factors), lambda n, m, s: stats.multivariate_t(m, s, n)),
    ):
        assert (d.batch_shape, d.event_shape) == ((3, 4), (2,))
        wanted = [
            [[expected(df[i, 0], loc[i, 0], b @ b.T).logpdf(a[0, 0]) for b in factors] for i in range(3)] for a in x
        ]
        agree(log_prob(d, x), wanted)
        assert shapes(d, "mean", "variance") == ((3, 4, 2), (3, 4, 2))
    x = stats.wishart(4, np.eye(2)).rvs(2, random_state=0)[:, None, None]
    scale = factors @ np.swapaxes(factors, -2, -1)
    for d, expected in ((D.Wishart(df, scale), stats.wishart), (D.InverseWishart(df, scale), stats.invwishart)):
        assert (d.batch_shape, d.event_shape) == ((3, 4), (2, 2))
        wanted = [[[expected(n, s).logpdf(a[0, 0]) for s in scale] for n in df[:, 0]] for a in x]
        agree(log_prob(d, x), wanted, rtol=1e3 * EPS, atol=1e3 * EPS)
        assert shapes(d, "mode", "entropy") == ((3, 4, 2, 2), (3, 4))
    d = D.NormalWishart(loc, np.array([0.5, 2.0])[:, None, None], df, scale)
    assert (d.batch_shape, d.event_shape) == ((2, 3, 4), ((2,), (2, 2)))
    assert jax.eval_shape(_log_prob, d, (x[..., 0], x)).shape == (2, 3, 4)
    assert shapes(d, "mode") == (((2, 3, 4, 2), (2, 3, 4, 2, 2)),)


@pytest.mark.parametrize("d", [1, 8])
def test_sizes(d):
    a = RNG.normal(size=(d, d))
    covariance, x, loc = a @ a.T + np.eye(d), RNG.normal(size=(3, d)), RNG.normal(size=d)
    normal = stats.multivariate_normal(loc, covariance)
    agree(log_prob(D.MultivariateNormal(loc, covariance), x), normal.logpdf(x))
    agree(log_prob(D.MultivariateNormal(loc, precision=np.linalg.inv(covariance)), x), normal.logpdf(x))
    agree(read(D.MultivariateNormal(loc, covariance), "entropy")[0], normal.entropy())


# Precision.


def test_many_degrees_of_freedom():
    """float32 keeps its digits where the terms of the density are of the order of a million."""
    df = 1e5
    x = np.float32(stats.wishart(df, MATRIX).rvs(random_state=0))
    with jax.enable_x64(True):
        for d, at, wanted in (
            (D.Wishart(np.float32(df), np.float32(MATRIX)), x, stats.wishart(df, np.float64(np.float32(MATRIX)))),
            (
                D.InverseWishart(np.float32(df), np.float32(MATRIX)),
                np.linalg.inv(x),
                stats.invwishart(df, np.float64(np.float32(MATRIX))),
            ),
        ):
            agree(d.log_prob(at), wanted.logpdf(np.float64(at)), rtol=2e-5)
            assert d.log_prob(at).dtype == np.float32


def test_far_arguments():
    d = D.MultivariateStudentT(1.5, LOC, FACTOR)
    x = jnp.array([1e25, 3e25])
    wanted = stats.multivariate_t(LOC, MATRIX, 1.5).logpdf(x / 1e10) - 3.5 * np.log(1e10)
    agree(log_prob(d, x), wanted)
    of_d, of_x = gradient(d, x)
    agree(of_x @ x, -3.5)  # the density falls like the power -(df + d)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(of_d))
    normal = D.MultivariateNormal(LOC, MATRIX)
    agree(log_prob(normal, x / 1e15), stats.multivariate_normal(LOC, MATRIX).logpdf(x / 1e15))
    agree(gradient(normal, x)[1], -np.linalg.solve(MATRIX, x))


# Edges.


@pytest.mark.parametrize(
    "d", [D.MultivariateNormal(LOC, MATRIX), D.MultivariateStudentT(3.0, LOC, FACTOR)], ids=["normal", "t"]
)
def test_vectors_at_infinity(d):
    x = jnp.array([[1.0, jnp.inf], [-jnp.inf, 0.0], [1.0, jnp.nan], [1.0, 2.0]])
    found = log_prob(d, x)
    np.testing.assert_array_equal(found[:3], [-np.inf, -np.inf, np.nan])
    assert np.isfinite(found[3])
    of_d, of_x = gradient(d, x[:2])
    for leaf in jax.tree.leaves((of_d, of_x)):
        np.testing.assert_array_equal(leaf, np.zeros_like(leaf))


OUTSIDE = np.array(
    [[[2.0, 2.0], [2.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.5], [0.4, 1.0]], -np.eye(2), [[1, np.inf]] * 2]
)


@pytest.mark.parametrize("family", [D.Wishart, D.InverseWishart, D.NormalWishart])
def test_matrices_off_the_support(family):
    """Singular, indefinite, not symmetric, negative, infinite."""
    pair = family is D.NormalWishart
    d = family(LOC, 2.0, 3.0, MATRIX) if pair else family(3.0, MATRIX)
    mean = (np.broadcast_to(LOC, (5, 2)),) if pair else ()
    np.testing.assert_array_equal(log_prob(d, *mean, OUTSIDE), -np.inf)
    for leaf in jax.tree.leaves(gradient(d, *mean, OUTSIDE)):
        np.testing.assert_array_equal(leaf, np.zeros_like(leaf))
    rounded = MATRIX + np.array([[0, EPS], [0, 0]])
    nan = MATRIX * [[1, np.nan], [np.nan, 1]]
    matrices = np.stack([rounded, nan, MATRIX, MATRIX, MATRIX])
    found = log_prob(d, *mean, matrices)
    assert np.isnan(found).tolist() == [False, True, False, False, False]
    agree(found[0], found[2])


@pytest.mark.parametrize("family", [D.NormalGamma, D.NormalInverseGamma])
def test_pairs_off_the_support(family):
    d = family(0.5, 2.0, 3.0, 1.5)
    mean, other = jnp.array([0.0, 1.0, jnp.inf, 0.0, 1.0]), jnp.array([0.0, -1.0, 1.0, jnp.inf, jnp.nan])
    np.testing.assert_array_equal(log_prob(d, mean, other), [*[-np.inf] * 4, np.nan])
    for leaf in jax.tree.leaves(gradient(d, mean[:4], other[:4])):
        np.testing.assert_array_equal(leaf, np.zeros_like(leaf))
    tiny = float(jnp.finfo(mean.dtype).tiny)
    for extreme in (tiny, 1 / tiny):
        assert not np.isnan(log_prob(d, mean, jnp.full(5, extreme))).any()


def test_what_a_pair_may_be():
    d = D.NormalGamma(0.5, 2.0, 3.0, 1.5)
    x = np.array([[0.1, 1.0], [0.2, 2.0]])
    wanted = d.log_prob(x)
    assert wanted.shape == (2,)
    agree(d.log_prob((x[:, 0], x[:, 1])), wanted, rtol=0)
    agree(d.log_prob([x[:, 0], x[:, 1]]), wanted, rtol=0)
    drawn = d.sample(jax.random.key(0), (2,))
    agree(d.log_prob(drawn), d.log_prob(np.stack(drawn, axis=-1)), rtol=0)
    assert (d.mean._fields, drawn._fields) == (("mean", "precision"),) * 2
    assert jax.eval_shape(lambda: D.NormalInverseGamma(0.5, 2.0, 3.0, 1.5).mode)._fields == ("mean", "variance")
    assert d.event_shape == ((), ())


# Parameters that are not valid, and moments that do not exist.


@pytest.mark.parametrize("form", ["covariance", "precision"])
def test_matrices_that_are_not_valid(form):
    bad = OUTSIDE[:4]
    d = D.MultivariateNormal(LOC, **{form: bad})
    found = quick(lambda d: (d.log_prob(LOC), d.mean, d.variance, d.entropy(), d.scale_tril), d)
    for leaf in jax.tree.leaves(found):
        assert np.isnan(leaf).all()
    for one in bad:
        with pytest.raises(ValueError, match=f"MultivariateNormal: {form} must be symmetric and positive definite, go"):
            D.validate(D.MultivariateNormal(LOC, **{form: one}))


def test_degrees_of_freedom_are_above_the_number_of_rows_less_one():
    for family in (D.Wishart, D.InverseWishart):
        found = quick(lambda d: (d.log_prob(MATRIX), d.mode), family(np.array([0.9, 1.0, 1.1]), 2 * MATRIX))
        assert np.isnan(found[0]).tolist() == [True, True, False]
        with pytest.raises(ValueError, match=f"{family.__name__}: df must be above d - 1, got 1.0"):
            D.validate(family(1.0, MATRIX))


def test_moments_that_do_not_exist():
    inf, nan, df = np.inf, np.nan, np.array([0.5, 1.0, 1.5, 2.0, 3.0])
    infinite, none = np.array([[inf, nan], [nan, inf]]), np.full((2, 2), nan)
    mean, covariance = read(D.MultivariateStudentT(df, LOC, FACTOR), "mean", "covariance")
    agree(mean, [[inf, inf], [inf, inf], LOC, LOC, LOC])
    agree(covariance, [none, none, infinite, infinite, 3 * MATRIX])
    mean, variance, mode = read(D.NormalGamma(0.5, 2.0, df / 2, 1.5), "mean", "variance", "mode")
    one = stats.t(df, 0.5, np.sqrt(1.5 / df))
    agree((mean.mean, variance.mean), (one.mean(), one.var()))
    agree(mode.precision, [0, 0, 1 / 6, 1 / 3, 2 / 3])
    mean, variance = read(D.NormalInverseGamma(0.5, 2.0, df, 1.5), "mean", "variance")
    agree(mean, ([nan, 0.5, 0.5, 0.5, 0.5], [nan, nan, 3.0, 1.5, 0.75]))
    agree(variance, ([nan, nan, 1.5, 0.75, 0.375], [nan, nan, nan, nan, 0.75**2]))
    df = np.array([1.5, 2.0, 3.0, 4.0, 6.0])
    agree(read(D.Wishart(df, MATRIX), "mode")[0], [none, none, 0 * MATRIX, MATRIX, 3 * MATRIX])
    mean, variance = read(D.InverseWishart(df, MATRIX), "mean", "variance")
    agree(mean, [none, none, none, MATRIX, MATRIX / 3])
    agree(variance, [none, none, none, none, stats.invwishart(6, MATRIX).var()])
    mean, variance, mode = read(D.NormalWishart(LOC, 2.0, df, MATRIX), "mean", "variance", "mode")
    agree(mean.mean, [[inf, inf], [inf, inf], LOC, LOC, LOC])
    finite = np.diag(np.linalg.inv(MATRIX)) / 2
    agree(variance.mean, [[nan, nan], [nan, nan], [inf, inf], finite, finite / 3])
    agree(mode.precision, [0 * MATRIX, 0 * MATRIX, MATRIX, 2 * MATRIX, 4 * MATRIX])


@pytest.mark.bad_input
def test_shapes_and_parts_that_are_refused():
    pair = D.NormalGamma(0.5, 2.0, 3.0, 1.5)
    with pytest.raises(TypeError, match=r"NormalGamma.log_prob: expected 2 parts, got 3"):
        pair.log_prob((1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match=r"expected a pair, or an array with a last axis of 2, got shape \(3,\)"):
        pair.log_prob(np.ones(3))
    with pytest.raises(ValueError, match=r"expected a pair, or an array with a last axis of 2, got shape \(\)"):
        pair.log_prob(1.0)
    with pytest.raises(ValueError, match=r"Wishart.log_prob: expected shape .*2, 2\).* that broadcasts with the batch"):
        D.Wishart(3.0, MATRIX).log_prob(np.eye(3))
    with pytest.raises(TypeError, match=r"NormalWishart.log_prob: expected 2 parts, got ndarray"):
        D.NormalWishart(LOC, 2.0, 3.0, MATRIX).log_prob(np.eye(2))
    with pytest.raises(ValueError, match=r"MultivariateStudentT: expected parameters of one size"):
        D.MultivariateStudentT(3.0, np.zeros(3), FACTOR)
    with pytest.raises(ValueError, match=r"expected one of covariance, precision, scale_tril, got covariance and prec"):
        D.MultivariateNormal(LOC, MATRIX, MATRIX)
