"""Fits a mixture of Gaussians to a table: ``python scripts/fit_gmm.py DATA COMPONENTS [--out FOLDER]``.

DATA is a ``.npy``, ``.npz`` or ``.csv`` file of n rows and d columns without gaps. The folder gets ``mixture.npz``
(weights, means, covariances, log_likelihood, bic, num_steps, converged) and ``mixture.png``; those of an earlier fit
are replaced, other files of these names are not. The exit status is 1 if the fit has not converged, 2 if there is none:
then nothing is written.
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
from matplotlib.figure import Figure
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jaxmath import check_finite, data, gmm, plot
from jaxmath._files import check_output, write_bytes

# Steps between two looks at the progress.
_STEPS = 5
_NAMES, _KIND = ("mixture.npz", "mixture.png"), "of an earlier fit"
_FIELDS = {"weights", "means", "covariances", "log_likelihood", "bic", "num_steps", "converged"}


def main(
    path: Annotated[Path, typer.Argument(metavar="DATA", help="a .npy, .npz or .csv file")],
    components: Annotated[int, typer.Argument(help="how many Gaussians")],
    covariance_type: Annotated[str, typer.Option(help="as jaxmath.gmm.GMM names them: full, tied, diag ...")] = "full",
    out: Annotated[Path, typer.Option(help="the folder for the results")] = Path("gmm-fit"),
    max_steps: Annotated[int, typer.Option(min=1, help="steps at most")] = 200,
    tol: Annotated[float, typer.Option(min=0, help="least rise of the mean log-likelihood in a step")] = 1e-4,
    seed: Annotated[int, typer.Option(help="of the start")] = 0,
) -> None:
    """Fits a mixture of Gaussians to a table of numbers."""
    try:
        x = _without_gaps(path, data.table(path))
        _check_folder(out)
        fit = _fit(x, components, covariance_type, max_steps, tol, seed)
        _write(out, x, fit)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    if not fit.converged:
        print(f"not converged in {max_steps} steps", file=sys.stderr)
        raise typer.Exit(1)


def _check_folder(out: Path) -> None:
    """Raises, before anything is computed, where the results would replace other files."""
    if out.is_dir():
        arrays, picture = (out / name for name in _NAMES)
        check_output("cannot write", arrays, _KIND, _is_fit)
        check_output("cannot write", picture, _KIND, lambda path: arrays.is_file() and _is_fit(arrays))
    elif out.exists():
        raise NotADirectoryError(f"cannot write {out}: it is a file; name a folder")


def _is_fit(path: Path) -> bool:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {*file.files} >= _FIELDS
    except Exception:  # of many kinds: of NumPy, zipfile, zlib
        return False


def _without_gaps(path: Path, x: np.ndarray) -> np.ndarray:
    """The table, if every cell holds a number."""
    gaps = np.argwhere(~np.isfinite(x))
    if len(gaps):
        row, column = gaps[0]
        found = "empty" if np.isnan(x[row, column]) else x[row, column]
        raise ValueError(f"{path}: row {row + 1}, column {column + 1} is {found} (rows of numbers are counted)")
    return x


def _fit(x: np.ndarray, components: int, kind: str, max_steps: int, tol: float, seed: int) -> gmm.Fit:
    """The fit, a few steps at a time, with a progress bar."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    start, steps = "kmeans++", 0
    with Progress(*columns) as progress:
        task = progress.add_task("log-likelihood", total=max_steps)
        while True:
            left = max_steps - steps
            few = left if left < 2 * _STEPS else _STEPS  # one step alone could not tell whether the fit rests
            fit = gmm.fit(jax.random.key(seed), x, components, covariance_type=kind, init=start, max_steps=few, tol=tol)
            start, steps = fit.params, steps + int(fit.num_steps)
            progress.update(task, completed=steps, description=f"log-likelihood {float(fit.log_likelihood):.5f}")
            if fit.converged or steps >= max_steps or not np.isfinite(fit.log_likelihood):
                return fit._replace(num_steps=np.asarray(steps))


def _write(out: Path, x: np.ndarray, fit: gmm.Fit) -> None:
    """Both files, once both are complete; none if the fit has a number that is not finite."""
    params, bic, arrays, picture = fit.params, gmm.bic(fit.params, x), io.BytesIO(), io.BytesIO()
    fields: dict[str, Any] = {"weights": params.weights, "means": params.means, "covariances": params.covariances}
    fields |= {"log_likelihood": fit.log_likelihood, "bic": bic}
    check_finite(fields, "nothing is written: fit")
    np.savez(arrays, num_steps=fit.num_steps, converged=fit.converged, **fields)
    _figure(x, fit).savefig(picture, dpi=120)
    out.mkdir(parents=True, exist_ok=True)
    files = {out / name: content for name, content in zip(_NAMES, (arrays, picture), strict=True)}
    for path, content in files.items():
        write_bytes(path, content.getvalue())
    print(f"{' and '.join(map(str, files))}: BIC {float(bic):.1f}")


def _figure(x: np.ndarray, fit: gmm.Fit) -> Figure:
    matplotlib.use("Agg")
    plot.style()
    figure, axes = plt.subplots()
    shown = x[:: max(1, len(x) // 20_000)]
    params, labels = fit.params, gmm.predict(fit.params, shown)
    plot.mixture(params.weights, params.means, gmm.covariances(params), x=shown, labels=labels, ax=axes)
    axes.set_title(f"{len(params.weights)} components, mean log-likelihood {float(fit.log_likelihood):.4f}")
    return figure


if __name__ == "__main__":
    typer.run(main)
