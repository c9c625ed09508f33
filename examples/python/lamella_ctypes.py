"""Lamella from Python, by ctypes over its C interface; NumPy arrays in and out.

    python3 lamella_ctypes.py MODEL ROWS.npy      prints the outputs
"""

import ctypes
import ctypes.util
import os
import sys

import numpy


def _library():
    name = os.environ.get("LAMELLA_LIBRARY") or ctypes.util.find_library("lamella") or "liblamella.so"
    library = ctypes.CDLL(name)
    library.lamella_last_error.restype = ctypes.c_char_p
    for function in ("lamella_network_inputs", "lamella_network_outputs"):
        getattr(library, function).argtypes = [ctypes.c_void_p]
        getattr(library, function).restype = ctypes.c_size_t
    for function in ("lamella_network_release", "lamella_engine_release"):
        getattr(library, function).argtypes = [ctypes.c_void_p]
        getattr(library, function).restype = None
    library.lamella_network_load.argtypes = [
        ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    library.lamella_engine_create.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
    library.lamella_engine_run.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    return library


class Error(RuntimeError):
    """What Lamella says about a failure."""


class Scorer:
    """A trained network on the device that Lamella chooses. Serves one thread at a time."""

    def __init__(self, model, activations=None):
        self._library = _library()
        self._network = ctypes.c_void_p()
        self._engine = ctypes.c_void_p()
        self._check(self._library.lamella_network_load(
            os.fsencode(model), activations and activations.encode(), None,
            ctypes.byref(self._network)))
        self._check(self._library.lamella_engine_create(
            self._network, None, ctypes.byref(self._engine)))
        self.inputs = self._library.lamella_network_inputs(self._network)
        self.outputs = self._library.lamella_network_outputs(self._network)

    def __call__(self, rows):
        """outputs [n x outputs] of rows [n x inputs], float32."""
        rows = numpy.ascontiguousarray(rows, dtype=numpy.float32)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ValueError(f"rows are {rows.shape}; (n, {self.inputs}) is wanted")
        outputs = numpy.empty((rows.shape[0], self.outputs), dtype=numpy.float32)
        self._check(self._library.lamella_engine_run(
            self._engine, rows.ctypes.data, rows.shape[0], outputs.ctypes.data))
        return outputs

    def __del__(self):
        if hasattr(self, "_engine"):
            self._library.lamella_engine_release(self._engine)
            self._library.lamella_network_release(self._network)

    def _check(self, status):
        if status != 0:
            raise Error(self._library.lamella_last_error().decode(errors="replace"))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        print(Scorer(sys.argv[1])(numpy.load(sys.argv[2])))
    except (Error, OSError, ValueError) as error:
        sys.exit(f"lamella_ctypes: {error}")


if __name__ == "__main__":
    main()
