"""Training: a state and a step as pure functions, epochs of them, evaluation and checkpoints."""

from jaxmath.train.checkpoints import Checkpoints
from jaxmath.train.evaluation import Evaluation, evaluate, predict
from jaxmath.train.loop import fit
from jaxmath.train.metrics import Calibration, accuracy, calibration, confusion_matrix, top_k_accuracy
from jaxmath.train.schedules import decay_mask, schedule
from jaxmath.train.state import State, classification, compile, create, step

__all__ = [
    "Calibration",
    "Checkpoints",
    "Evaluation",
    "State",
    "accuracy",
    "calibration",
    "classification",
    "compile",
    "confusion_matrix",
    "create",
    "decay_mask",
    "evaluate",
    "fit",
    "predict",
    "schedule",
    "step",
    "top_k_accuracy",
]
