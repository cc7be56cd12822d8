"""Bad input to information."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rows import Row, dtype_is, equal, near, table

from jaxmath import distributions as d
from jaxmath import information

P = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]])
NAN, INF = np.nan, np.inf
NORMAL, VECTOR = d.Normal(0.0, 1.0), d.MultivariateNormal(jnp.zeros(2), jnp.eye(2))
STUDENT = d.StudentT(3.0, 0.0, 1.0)
KEY = jax.random.key(0)
BAD = np.array([[0.5, 0.5], [1.5, -0.5], [NAN, 0.5], [INF, 0.0]])
OF_TWO = {
    "cross_entropy": information.cross_entropy,
    "kl_divergence": information.kl_divergence,
    "jensen_shannon": information.jensen_shannon,
    "renyi": lambda p, q, axis=-1, **options: information.renyi(p, q, 2.0, axis, **options),
}
OF_JOINT = {
    "mutual_information": information.mutual_information,
    "conditional_entropy": information.conditional_entropy,
}
OF_PAIR = {"cross_entropy": information.cross_entropy, "kl_divergence": information.kl_divergence}


def _of_table(name: str, call: Any) -> list[Row]:
    return table(
        f"information.{name}",
        ("complex", partial(call, P * 1j), (TypeError, f"information.{name}: expected real numbers")),
        ("strings", partial(call, [["a", "b"]]), (TypeError, "real numbers")),
        ("a masked entry", partial(call, np.ma.masked_equal(P, 0.5)), (ValueError, "without masked entries")),
        ("no entries", partial(call, P[:, :0]), (ValueError, "at least one")),
        ("a base of 1", partial(call, P, base=1.0), (ValueError, r"base must be in \(1, inf\), got 1.0")),
        ("two bases", partial(call, P, base=P[0]), (ValueError, "base to be one number")),
        ("a traced base of 1", lambda: jnp.isnan(jax.jit(lambda b: call(P, base=b))(1.0)).all(), equal(True)),
        ("float16", partial(call, P.astype(np.float16)), dtype_is(jnp.float16)),
    )


def _along_an_axis(name: str, call: Any) -> list[Row]:
    return table(
        f"information.{name}",
        ("a number", partial(call, 0.5), (ValueError, r"expected probabilities along an axis, got shape \(\)")),
        ("axis 2", partial(call, P, axis=2), (ValueError, r"axis must be in -2..1, got 2")),
        ("half an axis", partial(call, P, axis=0.5), (TypeError, "axis must be an integer, got 0.5")),
        ("a traced axis", lambda: jax.jit(lambda a: call(P, axis=a))(0), (TypeError, "axis must be static")),
        ("no probabilities", lambda: jnp.isnan(call(BAD)), equal([False, True, True, True])),
        ("integers", lambda: call(np.eye(2, dtype=int)), near(lambda: call(np.eye(2)))),
        ("lists", lambda: call([[0.5, 0.5], [1.0, 0.0]]), near(lambda: call(np.array([[0.5, 0.5], [1.0, 0.0]])))),
    )


def _of_two(name: str, call: Any) -> list[Row]:
    return table(
        f"information.{name}",
        ("another size", partial(call, P, P[:, :2]), (ValueError, r"as many along axis -1, .*\(2, 3\) and \(2, 2\)")),
        ("another batch", partial(call, P, P[[0, 0, 1]]), (ValueError, "other axes that broadcast")),
        ("a column", partial(call, P[0], P[0][:, None]), (ValueError, "as many along axis -1")),
        ("complex q", partial(call, P, P * 1j), (TypeError, "real numbers")),
        ("no probabilities in q", lambda: jnp.isnan(call(BAD[:1], BAD)), equal([False, True, True, True])),
        ("integers and float32", lambda: call(np.array([1, 0]), np.float32([0.5, 0.5])), dtype_is(jnp.float32)),
        ("one against many", lambda: call(P[0], P[:1].repeat(2, axis=0)), near(lambda: call(P[0], P[0]).repeat(2))),
    )


def _of_distributions(name: str, call: Any) -> list[Row]:
    return table(
        f"information.{name}",
        ("a table and a distribution", partial(call, P[0], NORMAL), (TypeError, "two tables or two distributions")),
        ("a distribution and a table", partial(call, NORMAL, P[0]), (TypeError, "two tables or two distributions")),
        (
            "an unknown pair",
            partial(call, STUDENT, NORMAL),
            (TypeError, "information.kl_monte_carlo"),
        ),
        ("two families", partial(call, NORMAL, d.Gamma(1.0, 1.0)), (TypeError, "no closed form for Normal and Gamma")),
        (
            "another size of events",
            partial(call, VECTOR, d.MultivariateNormal(jnp.zeros(3), jnp.eye(3))),
            (ValueError, "events of one size"),
        ),
        (
            "batches",
            partial(call, d.Normal(jnp.zeros(2), 1.0), d.Normal(jnp.zeros(3), 1.0)),
            (ValueError, r"batches that broadcast, got \(2,\) and \(3,\)"),
        ),
        ("an invalid parameter", lambda: call(NORMAL, d.Normal(0.0, jnp.array([1.0, -1.0])))[1], near(NAN)),
    )


def _crossed() -> float:
    return float(-np.dot(P[0, ::-1], np.log(P[0])))


ROWS = [
    *[row for name, f in OF_TWO.items() for row in _of_table(name, lambda p, f=f, **options: f(p, p, **options))],
    *[row for name, f in OF_TWO.items() for row in _along_an_axis(name, lambda p, f=f, **options: f(p, p, **options))],
    *[row for name, f in OF_TWO.items() for row in _of_two(name, f)],
    *[row for name, f in OF_PAIR.items() for row in _of_distributions(name, f)],
    *_of_table("entropy", information.entropy),
    *_along_an_axis("entropy", information.entropy),
    *[row for name, f in OF_JOINT.items() for row in _of_table(name, f)],
    *table(
        "information.entropy",
        (
            "no closed form",
            partial(information.entropy, d.Poisson(1.0)),
            (TypeError, "entropy of a Poisson"),
        ),
        ("an invalid parameter", lambda: information.entropy(d.Normal(0.0, -1.0)), near(NAN)),
    ),
    *table(
        "information.cross_entropy",
        ("no entropy", partial(information.cross_entropy, *2 * [d.Poisson(1.0)]), (TypeError, "has no closed form")),
        ("the impossible", lambda: information.cross_entropy(P[:, ::-1], P), near(lambda: [_crossed(), INF])),
    ),
    *table(
        "information.kl_divergence",
        ("the impossible", lambda: jnp.isinf(information.kl_divergence(P[:, ::-1], P)), equal([False, True])),
    ),
    *table(
        "information.jensen_shannon",
        ("a distribution", partial(information.jensen_shannon, NORMAL, P[0]), (TypeError, "tables .*, got a Normal")),
    ),
    *table(
        "information.renyi",
        ("a distribution", partial(information.renyi, P[0], NORMAL, 2.0), (TypeError, "tables .*, got a Normal")),
        ("order below 0", partial(information.renyi, P, P, -1), (ValueError, r"alpha must be in \[0, inf\], got -1")),
        ("two orders", partial(information.renyi, P, P, P[0]), (ValueError, "alpha to be one number")),
        ("a NaN order", lambda: information.renyi(P, P, NAN), near([NAN, NAN])),
        ("order below 0 in an array", lambda: information.renyi(P, P, jnp.array(-1.0)), near([NAN, NAN])),
    ),
    *[
        row
        for name, f in OF_JOINT.items()
        for row in table(
            f"information.{name}",
            ("a vector", partial(f, P[0]), (ValueError, r"shape \(..., n, m\), got \(3,\)")),
            ("no rows", partial(f, P[:0]), (ValueError, "at least one row and one column")),
            ("a distribution", partial(f, NORMAL), (TypeError, "tables of probabilities, got a Normal")),
            ("no probabilities", lambda f=f: jnp.isnan(f(BAD[:, None, :])), equal([False, True, True, True])),
            ("nothing", lambda f=f: f(np.zeros((2, 2))), near(0.0)),
        )
    ],
    *table(
        "information.wasserstein2",
        ("tables", partial(information.wasserstein2, P[0], P[0]), (TypeError, "two of Normal or two of Multivar")),
        (
            "a number and a vector",
            partial(information.wasserstein2, NORMAL, VECTOR),
            (TypeError, "got Normal and"),
        ),
        (
            "another family",
            partial(information.wasserstein2, *2 * [d.Laplace(0.0, 1.0)]),
            (TypeError, "got Laplace"),
        ),
        (
            "another size of events",
            partial(information.wasserstein2, VECTOR, d.MultivariateNormal(jnp.zeros(3), jnp.eye(3))),
            (ValueError, "events of one size"),
        ),
        ("an invalid parameter", lambda: information.wasserstein2(NORMAL, d.Normal(0.0, -1.0)), near(NAN)),
    ),
    *table(
        "information.fisher_information",
        ("a table", partial(information.fisher_information, P[0]), (TypeError, "expected a distribution, got ndarray")),
        ("no closed form", partial(information.fisher_information, STUDENT), (TypeError, "StudentT")),
        (
            "none",
            partial(information.fisher_information, d.Uniform(0.0, 1.0)),
            (TypeError, "none, .* Uniform"),
        ),
        (
            "an invalid parameter",
            lambda: information.fisher_information(d.Exponential(jnp.array([2.0, -1.0])))["rate"]["rate"],
            near([0.25, NAN]),
        ),
    ),
    *table(
        "information.kl_monte_carlo",
        (
            "a table",
            partial(information.kl_monte_carlo, KEY, NORMAL, P, 9),
            (TypeError, "expected distributions"),
        ),
        ("no key", partial(information.kl_monte_carlo, 0, NORMAL, NORMAL, 9), (TypeError, "expected a random key")),
        ("no draws", partial(information.kl_monte_carlo, KEY, NORMAL, NORMAL, 0), (ValueError, "num_samples must be")),
        ("half a draw", partial(information.kl_monte_carlo, KEY, NORMAL, NORMAL, 0.5), (TypeError, "num_samples must")),
        (
            "events of another shape",
            partial(information.kl_monte_carlo, KEY, NORMAL, VECTOR, 9),
            (ValueError, r"events of one shape, got \(\) and \(2,\)"),
        ),
        (
            "batches",
            partial(information.kl_monte_carlo, KEY, d.Normal(jnp.zeros(2), 1.0), d.Normal(jnp.zeros(3), 1.0), 9),
            (ValueError, "batches that broadcast"),
        ),
        (
            "traced",
            lambda: jax.jit(lambda n: information.kl_monte_carlo(KEY, NORMAL, NORMAL, n))(9),
            (TypeError, "num_samples must be static"),
        ),
        ("one draw", lambda: information.kl_monte_carlo(KEY, NORMAL, NORMAL, 1), near((0.0, NAN))),
        ("a base of 0", partial(information.kl_monte_carlo, KEY, NORMAL, NORMAL, 9, base=0), (ValueError, "base must")),
    ),
]
