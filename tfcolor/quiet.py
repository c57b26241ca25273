"""Keeps back the lines that the C++ parts of TensorFlow and LiteRT print at every start, at any log level."""

import contextlib
import os
import sys
import warnings


def import_tensorflow(start=True):
    """Imports TensorFlow, silently: called by the verbs once their arguments are right. An ImportError passes.

    Args:
        start: set the devices up, too; not where several workers are still to be joined.
    """
    if sys.modules.get("tensorflow"):
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", module="tensorflow")
    with native_errors_to_null():
        import tensorflow as tf

        if start:
            tf.constant(0)  # the device set-up prints as well
    import absl.logging

    absl.logging.set_verbosity(absl.logging.ERROR)


@contextlib.contextmanager
def native_errors_to_null():
    """File descriptor 2, which C++ writes to, goes nowhere meanwhile; Python's own errors are raised, not printed."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
