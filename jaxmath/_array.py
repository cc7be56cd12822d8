"""What every module does to its arguments first: real floating arrays, static sizes, exact products."""

import contextlib
import operator
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, PyTree, Shaped

Tree = TypeVar("Tree", bound=PyTree)


def as_real(name: str, x: Any) -> Shaped[Array, "..."]:
    """A JAX array of real numbers or booleans from an array, a number or nested lists; TypeError for anything else."""
    x = real(name, x)
    kept = x if isinstance(x, jax.Array) else x.astype(jax.dtypes.canonicalize_dtype(x.dtype))
    if kept is not x and kept.dtype.kind in "iu" and (kept != x).any():
        raise ValueError(f"{name}: whole numbers beyond {kept.dtype}; pass floats, or enable x64 in JAX")
    return jnp.asarray(kept)


def as_float(name: str, x: Any, dtype: Any = float) -> Float[Array, "..."]:
    """As :func:`as_real`, with integers and booleans turned into the given type; floating types are kept.

    ValueError for an integer that the type would round, since a difference of such numbers is lost; traced ones are.
    """
    return jnp.asarray(floating(name, x, dtype))


def floating(name: str, x: Any, dtype: Any = float) -> np.ndarray | Array:
    """As :func:`as_float`, for an array that stays where it is, on the host or on the device."""
    x = real(name, x)
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x
    _check_exact(name, x, jax.dtypes.canonicalize_dtype(dtype))
    return x.astype(dtype)


def real(name: str, x: Any) -> np.ndarray | Array:
    """Real numbers or booleans as an array that stays where it is, on the host or on the device.

    Masked entries of a NumPy masked array become NaN, and its integers and booleans floats if there is one.
    """
    for method in ("toarray", "todense"):  # of SciPy's sparse matrices, of JAX's
        if hasattr(x, method):
            raise TypeError(f"{name}: expected a dense array, got a sparse {type(x).__name__}; pass x.{method}()")
    if any(isinstance(leaf, np.ma.MaskedArray) for leaf in _entries(x)):
        x = jax.tree.map(lambda leaf: _with_nan(name, leaf), x)
    try:
        x = jnp.asarray(x) if any(isinstance(leaf, jax.Array) for leaf in _entries(x)) else np.asarray(x)
    except (TypeError, ValueError) as error:
        kind = type(x).__name__
        raise TypeError(f"{name}: expected an array of real numbers, got a ragged or foreign {kind}") from error
    if not any(jnp.issubdtype(x.dtype, kind) for kind in (jnp.bool_, jnp.integer, jnp.floating)):
        raise TypeError(f"{name}: expected real numbers, got dtype {x.dtype}")
    if x.dtype == np.longdouble and x.dtype.itemsize > 8:
        raise TypeError(f"{name}: expected float64 or a narrower type, got {x.dtype}; pass x.astype(float)")
    return x


def unmasked(name: str, argument: str, x: Any) -> Any:
    """What it is given; ValueError if that is a NumPy masked array with a masked entry, for which nothing can stand."""
    num_masked = sum(int(np.ma.count_masked(leaf)) for leaf in _entries(x) if isinstance(leaf, np.ma.MaskedArray))
    if num_masked:
        raise ValueError(f"{name}: expected {argument} without masked entries, got {num_masked}; leave out their rows")
    return x


def _entries(x: Any) -> list[Any]:
    return [x] if hasattr(x, "shape") else jax.tree.leaves(x, is_leaf=lambda leaf: isinstance(leaf, dict))


def _with_nan(name: str, x: Any) -> Any:
    """A NumPy masked array as a plain one; anything else as it is."""
    if not isinstance(x, np.ma.MaskedArray):
        return x
    if x.dtype.kind in "biu" and np.ma.is_masked(x):
        _check_exact(name, x.compressed(), jax.dtypes.canonicalize_dtype(float))
        return np.ma.filled(x.astype(float), np.nan)
    return np.ma.filled(x, np.nan) if jnp.issubdtype(x.dtype, jnp.floating) else np.asarray(x)


def _check_exact(name: str, x: np.ndarray | Array, dtype: Any) -> None:
    """ValueError if the floating type rounds one of these integers, whose bits after the first 1 are too many."""
    if isinstance(x, Tracer) or x.dtype.kind not in "iu" or x.dtype.itemsize <= 2:
        return
    if isinstance(x, jax.Array) and not x.is_fully_addressable:
        return
    limit, x = 2 ** (jnp.finfo(dtype).nmant + 1), np.atleast_1d(jax.device_get(x))
    if x.max(initial=0) <= limit and x.min(initial=0) >= -limit:
        return
    odd = x // np.where(x == 0, 1, x & -x)
    lost = x[(odd >= limit) | (odd <= -limit)]
    if lost.size:
        wider = "" if jax.dtypes.canonicalize_dtype(float) == jnp.float64 else ", or enable x64 in JAX"
        hint = f"subtract an offset such as the first row{wider}"
        raise ValueError(f"{name}: {jnp.dtype(dtype)} cannot hold the integer {lost[0]}; {hint}")


def as_matrix(name: str, x: Any) -> Float[Array, "n d"]:
    """As :func:`as_float` for data of shape ``(n, d)`` with at least one row and one column."""
    x = as_float(name, x)
    if x.ndim != 2:
        raise ValueError(f"{name}: expected data of shape (n, d), got {x.shape}{rank_hint(x.ndim)}")
    if 0 in x.shape:
        raise ValueError(f"{name}: expected at least one row and one column, got shape {x.shape}")
    return x


def rank_hint(ndim: int) -> str:
    """What to do about data that has another number of axes than two."""
    if ndim == 1:
        return "; one row is x.reshape(1, -1) or x[None], one column x.reshape(-1, 1) or x[:, None]"
    return "; more axes go through jax.vmap" if ndim > 2 else ""


def as_weights(name: str, weights: Any, shape: int | tuple[int, ...]) -> Float[Array, "*rows"]:
    """Weights of shape ``(n,)``, or of a given one, as floats; a negative or NaN weight becomes NaN.

    Large integers are rounded: nothing is subtracted from a weight.
    """
    weights = real(name, unmasked(name, "weights", weights))
    weights = weights if jnp.issubdtype(weights.dtype, jnp.floating) else weights.astype(float)
    shape = shape if isinstance(shape, tuple) else (shape,)
    if weights.shape != shape:
        raise ValueError(f"{name}: expected weights of shape {shape}, one a row, got {weights.shape}")
    if isinstance(weights, np.ndarray):  # on the host, where it needs no program
        return jnp.asarray(np.where(weights >= 0, weights, np.array(np.nan, weights.dtype)))
    return jnp.where(weights >= 0, weights, jnp.nan)


def same_rows(name: str, x: Any) -> int:
    """How many rows the arrays of a pytree have; ValueError if they differ, or there are none."""
    leaves = jax.tree.leaves(x)
    if not leaves or any(a.ndim == 0 for a in leaves) or len({a.shape[0] for a in leaves}) > 1:
        raise ValueError(f"{name}: expected arrays with equally many rows, got shapes {[a.shape for a in leaves]}")
    if any(a.size == 0 for a in leaves):
        raise ValueError(f"{name}: expected at least one row and no empty axis, got {[a.shape for a in leaves]}")
    return leaves[0].shape[0]


def is_one_array(x: Any) -> bool:
    """Nested lists of numbers are one array, and so is a sparse one; tuples, dicts and lists of arrays are pytrees."""
    return hasattr(x, "todense") or (isinstance(x, list) and not any(hasattr(row, "shape") for row in x))


def as_size(
    name: str, argument: str, value: Any, upper: int | None = None, upper_name: str = "", *, least: int = 1
) -> int:
    """A static size in 1..upper, or from ``least`` on: an integer known while tracing."""
    if isinstance(value, Tracer):
        raise TypeError(f"{name}: {argument} must be static; close over it: jax.jit(lambda x: {name}(x, ...))")
    try:
        size = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {argument} must be an integer, got {value!r}") from None
    if size < least or (upper is not None and size > upper) or isinstance(value, bool):
        limits = f"in {least}..{upper_name} = {upper}" if upper is not None else f"at least {least}"
        raise ValueError(f"{name}: {argument} must be {limits}, got {value!r}")
    return size


def as_key(name: str, key: Any) -> Array:
    """One random key; one of ``jax.random.PRNGKey``, an array of uint32, is wrapped."""
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", ())
    if dtype == jnp.uint32 and shape:
        with contextlib.suppress(TypeError, ValueError):
            key = jax.random.wrap_key_data(jnp.asarray(key))
            dtype, shape = key.dtype, key.shape
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        got = repr(key) if isinstance(key, int | float | None) else type(key).__name__
        got = got if dtype is None else f"{dtype} of shape {shape}"
        raise TypeError(f"{name}: expected a random key such as jax.random.key(0), got {got}")
    if shape:
        raise ValueError(f"{name}: expected one random key, got an array of shape {shape}; more go through jax.vmap")
    return key


def one_of(name: str, argument: str, value: Any, choices: tuple[str, ...]) -> str:
    """An option that is one of a few words."""
    if isinstance(value, str) and value in choices:
        return value
    raise ValueError(f"{name}: {argument} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def wide(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """float16 and bfloat16 as float32, in which they are computed; wider types as they are."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def narrow(tree: Tree, dtype: Any) -> Tree:
    """Every floating leaf of a result in the type that the data had."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)


def padded(history: list, length: int, dtype: Any) -> Float[Array, " n"]:
    """Numbers of so many steps as an array of one length, NaN after them; also under ``jax_debug_nans``."""
    numbers = np.full(length, np.nan, dtype)
    numbers[: len(history)] = [float(number) for number in history]
    with jax.debug_nans(False):
        return jnp.asarray(numbers)


def product(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """A matrix product in full precision also where the device's default is bfloat16 or TF32."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def all_finite(tree: Any) -> Bool[Array, ""]:
    """Whether all numbers in a tree of arrays are finite."""
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()


def check_finite(tree: Tree, name: str) -> Tree:
    """Raises if any number in a result is NaN or infinite; returns the result otherwise.

    Functions under ``jit`` cannot raise on what the numbers are: they answer NaN, infinity or ``converged=False``.
    This turns such an answer into an error, on the host.

    Args:
      tree: any pytree of arrays, for instance a fit; leaves that are not floating always pass.
      name: how the error calls it.

    Returns:
      ``tree``, unchanged.

    Raises:
      ValueError: naming the first leaf with a NaN or an infinity, and how many it has.
      TypeError: under ``jit``, ``vmap`` or ``grad``, where there are no numbers to look at yet.

    Example:
      >>> check_finite({"mean": jnp.ones(3)}, "my fit")["mean"].shape
      (3,)
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if isinstance(leaf, Tracer):
            raise TypeError("jaxmath.check_finite: call it outside jit, vmap and grad, on the result")
        leaf = np.asarray(leaf) if not isinstance(leaf, jax.Array) else leaf
        if jnp.issubdtype(leaf.dtype, jnp.inexact) and (bad := int(_num_not_finite(leaf))):
            raise ValueError(f"{name}{jax.tree_util.keystr(path)}: {bad} of {leaf.size} numbers are NaN or infinite")
    return tree


@jax.jit
def _num_not_finite(a: Shaped[Array, "..."]) -> Array:
    return jnp.sum(~jnp.isfinite(a))


def as_labels(name: str, labels: Any, argument: str = "labels") -> Shaped[Array, "..."]:
    """As :func:`as_real` for what has no masked entries."""
    return as_real(name, unmasked(name, argument, labels))


def as_square(name: str, a: Any) -> Float[Array, "d d"]:
    """As :func:`as_float` for one square matrix with at least one row."""
    a = as_float(name, a)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        hint = "; more matrices go through jax.vmap" if a.ndim > 2 else ""
        raise ValueError(f"{name}: expected a square matrix (d, d), got {a.shape}{hint}")
    if a.shape[0] == 0:
        raise ValueError(f"{name}: expected at least one row, got shape {a.shape}")
    return a


def as_scalar(name: str, argument: str, value: Any) -> Float[Array, ""]:
    """As :func:`as_float` for one number, which may be rounded."""
    value = real(name, value)
    value = jnp.asarray(value if jnp.issubdtype(value.dtype, jnp.floating) else value.astype(float))
    if value.ndim:
        raise ValueError(
            f"{name}: expected {argument} to be one number, got shape {value.shape}; more go through jax.vmap"
        )
    return value


def in_range(name: str, argument: str, value: Any, interval: str, *, scalar: bool = True) -> Float[Array, "..."]:
    """An option with a range, as floats: a Python number out of range raises, one in an array becomes NaN.

    Intervals are written as in mathematics, "[0, 1)" or "(0, inf)". A NaN stays one. What is no Python number may be
    traced, and costs a comparison in the program.
    """
    low, high = map(float, interval[1:-1].split(","))
    number = isinstance(value, (int, float, np.number))

    def outside(x: Any) -> Any:
        return ((x < low) if interval[0] == "[" else (x <= low)) | ((x > high) if interval[-1] == "]" else (x >= high))

    found = as_scalar(name, argument, value) if scalar else as_float(name, value)
    if number and outside(np.float64(value)):
        raise ValueError(f"{name}: {argument} must be in {interval}, got {value!r}")
    return found if number else jnp.where(outside(found), jnp.nan, found)


def degrees_of_freedom(count: Float[Array, ""], ddof: Any) -> Float[Array, ""]:
    """The count less ``ddof``; NaN unless that is above rounding of the count, which is a sum of many weights."""
    degrees = count - ddof
    return jnp.where(degrees > jnp.finfo(degrees.dtype).eps ** 0.5 * count, degrees, jnp.nan)


def without_negative_diagonal(a: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """A sum of squares and products in which rounding has left a sum of squares below 0; derivatives are untouched."""
    least = np.where(np.eye(len(a)), 0, -np.inf).astype(a.dtype)
    return a + jax.lax.stop_gradient(jnp.maximum(a, least) - a)


def all_or_nan(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """All NaN if any entry is NaN or infinite; LAPACK's singular value decomposition does not return from infinity."""
    return jnp.where(jnp.isfinite(x).all(), x, jnp.nan)


def root(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The square root, with gradient 0 instead of infinity at 0."""
    return jnp.where(x == 0, 0, jnp.sqrt(jnp.where(x == 0, 1, x)))


def reciprocal(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 / x, and 0 at 0, with gradient 0 there."""
    return jnp.where(x == 0, 0, 1 / jnp.where(x == 0, 1, x))


@jax.custom_batching.custom_vmap
def any_lane(flag: Bool[Array, ""]) -> Bool[Array, ""]:
    """The flag; under ``vmap`` whether it is set anywhere, so that a ``lax.cond`` on it still runs one branch only."""
    return flag


@any_lane.def_vmap
def _any_lane(_: int, batched: list[bool], flag: Array) -> tuple[Array, bool]:
    return any_lane(flag.any(axis=0)), False
