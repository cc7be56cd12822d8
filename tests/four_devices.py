"""Run by test_reduce.py in a process with four virtual devices: sharded equals local, and no data moves."""

import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jax.tree_util import Partial

from jaxmath import bayes, distributions, gmm, kmeans, moments, pca, reduce

COLLECTIVE = r"(all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter)(-start)?\("


def loop_bodies(hlo: str) -> list[str]:
    blocks = dict(re.findall(r"^(?:ENTRY )?%?([\w.\-]+) .*?\{\n(.*?)^\}", hlo, re.M | re.S))
    return [blocks[name] for name in re.findall(r"body=%?([\w.\-]+)", hlo)]


def check_program(hlo: str, reductions: int) -> None:
    assert "all-gather" not in hlo
    assert len(re.findall(COLLECTIVE, hlo)) == reductions, re.findall(COLLECTIVE, hlo)
    bodies = loop_bodies(hlo)
    assert bodies, "the data was not chunked"
    assert not any(re.search(COLLECTIVE, body) for body in bodies)


def check_equal(got, want) -> None:
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(b).max())


def main() -> None:
    assert jax.device_count() == 4
    x = (np.random.default_rng(0).normal(size=(8000, 5)) * [5, 4, 3, 2, 1] + 100).astype(np.float32)
    weights = np.random.default_rng(1).integers(0, 3, size=8000).astype(np.float32)
    start = gmm.GMM(jnp.full(2, 0.5), jnp.asarray(x[:2]), jnp.full((2, 5), 25.0), "diag")
    key, options = jax.random.key(0), {"init": start, "covariance_type": "diag", "max_steps": 3, "tol": 0.0}
    prior = distributions.NormalGamma(0.0, 1.0, 1.0, 1.0)
    calls = (
        lambda x, w: moments.of(x, chunk_size=300),
        lambda x, w: moments.of(x, weights=w, chunk_size=500),
        lambda x, w: pca.fit(x, 2, chunk_size=2000),
        lambda x, w: pca.fit_missing(x, 2, weights=w, chunk_size=500)[:3],
        lambda x, w: gmm.fit(key, x, 2, weights=w, **options)[:2],
        lambda x, w: kmeans.fit(key, x, 2, weights=w, init=start.means, max_steps=3, tol=0.0)[:2],
        lambda x, w: distributions.fit(distributions.Gamma, x[:, 0], weights=w),
        lambda x, w: bayes.NormalMeanPrecision().posterior(prior, x[:, 0], weights=w),
    )
    local = [call(x, weights) for call in calls]
    ragged = x[:7997], weights[:7997]
    of_ragged = calls[1](*ragged)
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((4,), ("data",), axis_types=(kind,))
        with jax.set_mesh(mesh):
            sharded, w = jax.device_put((x, weights), NamedSharding(mesh, PartitionSpec("data")))
            for call, want in zip(calls, local, strict=True):
                check_equal(call(sharded, w), want)
                check_equal(jax.jit(call)(sharded, w), want)
            for args, want in (((x, weights), local[1]), ((sharded, weights), local[1]), (ragged, of_ragged)):
                check_equal(jax.jit(calls[1])(*args), want)
            statistics = Partial(moments._weighted_statistics, reduce.typical_row(sharded))
            check_program(reduce._over.lower(statistics, sharded, None, 4, 500).compile().as_text(), reductions=1)
            # the other two are the sum and the count of the typical row, a few numbers
            check_program(jax.jit(calls[1]).lower(sharded, w).compile().as_text(), reductions=3)
    check_equal(jax.jit(moments.of)(x[:7997]), moments.of(x[:7997], chunk_size=100))
    print("four devices agree")


if __name__ == "__main__":
    main()
