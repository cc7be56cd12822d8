"""Stands in for the process that judges mutants, in tests of what happens when it ends or hangs."""

import os
import signal
import time
from multiprocessing.connection import Connection

from mutants import Verdict
from mutation_worker import Scope

VERDICTS = [Verdict(name, "a change", "a file", 1, None, 0.0) for name in ("good", "fatal", "endless", "always fatal")]


def serve(scope: Scope, seed: int, pipe: Connection) -> None:
    """Answers, or dies, as the name of the mutant says."""
    pipe.send(VERDICTS)
    while True:
        index, manner = pipe.recv()
        name = VERDICTS[index].function
        if name == "always fatal" or (name == "fatal" and manner != "unchanged"):
            os._exit(1)
        if name == "endless" and manner != "unchanged":
            _never_return()
        pipe.send(VERDICTS[index])


def _never_return() -> None:
    """As compiled code does: no signal is heard."""
    import mutation_judge

    mutation_judge._LIMIT = 0.1
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    with mutation_judge._time_limit():
        time.sleep(3600)
