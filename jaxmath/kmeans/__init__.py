"""k-means clustering by Lloyd's algorithm."""

from jaxmath.kmeans.fit import fit, fit_minibatch, predict
from jaxmath.kmeans.lloyd import KMeans
from jaxmath.kmeans.seeding import plus_plus
from jaxmath.kmeans.streaming import fit_batches

__all__ = ["KMeans", "fit", "fit_batches", "fit_minibatch", "plus_plus", "predict"]
