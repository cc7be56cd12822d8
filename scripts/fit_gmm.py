"""Fits a mixture of Gaussians to a table: ``python scripts/fit_gmm.py DATA COMPONENTS [--out FOLDER]``.

DATA is a ``.npy``, ``.npz`` or ``.csv`` file of n rows and d columns. The folder gets ``mixture.npz`` (weights, means,
covariances, log_likelihood, bic, num_steps, converged) and ``mixture.png``.
"""

import io
import sys
from pathlib import Path
from typing import Annotated, Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jaxmath import data, gmm, plot
from jaxmath._storage import write_bytes
from jaxmath.gmm.mixture import COVARIANCE_TYPES, matrices

# Steps between two looks at the progress.
_STEPS = 5


def main(
    path: Annotated[Path, typer.Argument(metavar="DATA", help="a .npy, .npz or .csv file")],
    components: Annotated[int, typer.Argument(help="how many Gaussians")],
    covariance_type: Annotated[str, typer.Option(help=", ".join(COVARIANCE_TYPES))] = "full",
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("gmm-fit"),
    max_steps: Annotated[int, typer.Option(min=1, help="steps at most")] = 200,
    tol: Annotated[float, typer.Option(min=0, help="least rise of the mean log-likelihood in a step")] = 1e-4,
    seed: Annotated[int, typer.Option(help="of the start")] = 0,
) -> None:
    """Fits a mixture of Gaussians to a table of numbers."""
    try:
        x = data.table(path)
        fit = _fit(x, components, covariance_type, max_steps, tol, seed)
        out.mkdir(parents=True, exist_ok=True)
        _write(out, x, fit)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    if not fit.converged:
        print(f"not converged in {max_steps} steps, or no finite result", file=sys.stderr)
        raise typer.Exit(1)


def _fit(x: np.ndarray, components: int, kind: str, max_steps: int, tol: float, seed: int) -> gmm.Fit:
    """The fit, a few steps at a time, with a progress bar."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    start, steps, history = "kmeans++", 0, []
    with Progress(*columns) as progress:
        task = progress.add_task("log-likelihood", total=max_steps)
        while True:
            few = min(_STEPS, max_steps - steps)
            fit = gmm.fit(jax.random.key(seed), x, components, covariance_type=kind, init=start, max_steps=few, tol=tol)
            start, steps = fit.params, steps + int(fit.num_steps)
            history.append(float(fit.log_likelihood))
            progress.update(task, completed=steps, description=f"log-likelihood {history[-1]:.5f}")
            if fit.converged or steps >= max_steps or not np.isfinite(history[-1]):
                return fit._replace(num_steps=np.asarray(steps))


def _write(out: Path, x: np.ndarray, fit: gmm.Fit) -> None:
    params, bic, buffer = fit.params, gmm.bic(fit.params, x), io.BytesIO()
    facts = {"log_likelihood": fit.log_likelihood, "num_steps": fit.num_steps, "converged": fit.converged, "bic": bic}
    fields = {"weights": params.weights, "means": params.means, "covariances": params.covariances}
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in (fields | facts).items()}
    np.savez(buffer, **arrays)
    write_bytes(out / "mixture.npz", buffer.getvalue())
    matplotlib.use("Agg")
    plot.style()
    figure, axes = plt.subplots()
    shown = slice(None, None, max(1, len(x) // 20_000))
    labels = gmm.predict(params, x[shown])
    plot.mixture(params.weights, params.means, matrices(params), x=x[shown], labels=labels, ax=axes)
    axes.set_title(f"{len(params.weights)} components, mean log-likelihood {float(fit.log_likelihood):.4f}")
    figure.savefig(out / "mixture.png", dpi=120)
    print(f"{out / 'mixture.npz'} and {out / 'mixture.png'}: BIC {float(bic):.1f}")


if __name__ == "__main__":
    typer.run(main)
