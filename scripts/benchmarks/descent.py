"""Descent: regression step by step, a small network, many learning rates at once."""

from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks.workload import Workload, compiled

_STEPS, _NETWORK_STEPS, _SIZES = 10_000, 5_000, (3, 10, 5, 1)
_RATE, _NETWORK_RATE, _MOMENTUM = 0.05, 0.3, 0.9


def _lines(rng, n=1000, d=3):
    """Rows, amounts that depend on them, and labels that do."""
    x = rng.standard_normal((n, d), dtype=np.float32)
    scores = x @ np.array([1.5, -0.5, 2.0], np.float32) + 0.3 * rng.standard_normal(n, dtype=np.float32)
    return x, scores, (scores + rng.standard_normal(n) > 0).astype(np.float32)


def _descend(loss, params, optimizer, steps):
    from jaxmath import optimize

    return optimize.minimize(loss, params, optimizer=optimizer, num_steps=steps, record_every=steps).params


def _regression(x, y, labels, kind):
    import jax.numpy as jnp

    from jaxmath import losses, optimize

    def run(columns, y, labels):
        def loss(w):
            scores = w @ columns  # rows of data lie in the last axis
            errors = (
                losses.squared_error(scores, y) if kind == "linear" else losses.sigmoid_cross_entropy(scores, labels)
            )
            return errors.mean()

        return _descend(loss, jnp.zeros(len(columns)), optimize.gradient_descent(_RATE), _STEPS)

    return compiled(run, np.ascontiguousarray(x.T), y, labels)


def _numpy_regression(x, y, labels, kind):
    def run():
        w, n = np.zeros(x.shape[1], x.dtype), len(x)
        for _ in range(_STEPS):
            scores = x @ w
            slopes = 2 * (scores - y) if kind == "linear" else 1 / (1 + np.exp(-scores)) - labels
            w -= _RATE * (x.T @ slopes) / n
        return w

    return run


def _torch_regression(x, y, labels, kind):
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    torch.set_num_threads(2)
    x, y, labels = map(torch.from_numpy, (x, y, labels))
    loss = torch.nn.functional.mse_loss if kind == "linear" else torch.nn.functional.binary_cross_entropy_with_logits

    def run():
        w = torch.zeros(x.shape[1], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=_RATE)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            loss(x @ w, y if kind == "linear" else labels).backward()
            optimizer.step()
        return w.detach().numpy()

    return run


def _demand(rng, n=10_000):
    """Inputs in 0..1, what they lead to, and the first weights of the network."""
    x = rng.uniform(size=(n, 3)).astype(np.float32)
    y = (0.7 * x[:, :1] + 0.2 * x[:, 1:2] ** 2 + 0.1 * (1 - x[:, 2:]) ** 3).astype(np.float32)
    layers = [rng.uniform(-1, 1, (m, d)).astype(np.float32) for d, m in pairwise(_SIZES)]
    return x, y, *layers


def _network(x, y, *layers):
    import jax
    import jax.numpy as jnp

    from jaxmath import losses, neural, optimize

    def run(x, y, *layers):
        def loss(params):
            predictions = neural.mlp(params, x, activation=jax.nn.sigmoid, output_activation=jax.nn.sigmoid)
            return losses.squared_error(predictions, y).mean()

        start = [(w, jnp.zeros(len(w))) for w in layers]
        params = _descend(loss, start, optimize.momentum(_NETWORK_RATE, _MOMENTUM), _NETWORK_STEPS)
        return neural.mlp(params, x, activation=jax.nn.sigmoid, output_activation=jax.nn.sigmoid)

    return compiled(run, x, y, *layers)


def _torch_network(x, y, *layers):
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    torch.set_num_threads(2)
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def run():
        params = [p.clone().requires_grad_() for w in map(torch.from_numpy, layers) for p in (w, torch.zeros(len(w)))]
        optimizer = torch.optim.SGD(params, lr=_NETWORK_RATE, momentum=_MOMENTUM)
        for _ in range(_NETWORK_STEPS):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(_torch_forward(x, params), y).backward()
            optimizer.step()
        return _torch_forward(x, params).detach().numpy()

    return run


def _torch_forward(x, params):
    import torch  # pyright: ignore[reportMissingImports]  (optional)

    for w, b in zip(params[::2], params[1::2], strict=True):
        x = torch.sigmoid(torch.nn.functional.linear(x, w, b))
    return x


def _exact_network(x, y, *layers):
    """The predictions after all steps, by plain backpropagation in float64."""
    params = [p for w in layers for p in (w.copy(), np.zeros(len(w)))]
    velocity = [np.zeros_like(p) for p in params]
    for _ in range(_NETWORK_STEPS):
        outputs = _forward(x, params)
        delta, gradients = 2 * (outputs[-1] - y) / len(x), []
        for w, a, below in zip(params[-2::-2], outputs[:0:-1], outputs[-2::-1], strict=True):
            delta = delta * a * (1 - a)
            gradients = [delta.T @ below, delta.sum(axis=0), *gradients]
            delta = delta @ w
        velocity = [_MOMENTUM * v + g for v, g in zip(velocity, gradients, strict=True)]
        params = [p - _NETWORK_RATE * v for p, v in zip(params, velocity, strict=True)]
    return _forward(x, params)[-1]


def _forward(x, params):
    outputs = [x]
    for w, b in zip(params[::2], params[1::2], strict=True):
        outputs.append(1 / (1 + np.exp(-(outputs[-1] @ w.T + b))))
    return outputs


def _rates(x, y, labels, count):
    """The weights that the first of many rates leads to."""
    import jax
    import jax.numpy as jnp

    from jaxmath import losses, optimize

    def run(columns, y):
        def at(rate):
            def loss(w):
                return losses.squared_error(w @ columns, y).mean()

            return _descend(loss, jnp.zeros(len(columns)), optimize.gradient_descent(rate), _STEPS)

        rates = _RATE * jnp.linspace(1, 2, max(count, 2))
        return jax.vmap(at)(rates)[0] if count > 1 else at(rates[0])

    return compiled(run, np.ascontiguousarray(x.T), y)


def _regression_workload(kind, peer_name, peer, goal):
    return Workload(
        peer_name, _lines, partial(_regression, kind=kind), partial(peer, kind=kind),
        lambda *inputs: _numpy_regression(*inputs, kind=kind)(), goal,
    )  # fmt: skip


WORKLOADS = {
    "linear descent, NumPy": _regression_workload("linear", "a NumPy loop", _numpy_regression, 4),
    "linear descent, PyTorch": _regression_workload("linear", "PyTorch", _torch_regression, 90),
    "logistic descent, NumPy": _regression_workload("logistic", "a NumPy loop", _numpy_regression, 2),
    "logistic descent, PyTorch": _regression_workload("logistic", "PyTorch", _torch_regression, 20),
    "network 3-10-5-1": Workload("PyTorch", _demand, _network, _torch_network, _exact_network, 3),
    "64 learning rates": Workload(
        "one run", _lines, partial(_rates, count=64), partial(_rates, count=1),
        lambda *inputs: _numpy_regression(*inputs, kind="linear")(), 1 / 16,
    ),
}  # fmt: skip
