"""Lamella from Python, by ctypes over its C interface; NumPy arrays in and out.

    python3 lamella_ctypes.py MODEL ROWS.npy      prints the outputs
"""

import ctypes
import ctypes.util
import os
import sys

import numpy


class _Memory(ctypes.Structure):
    _fields_ = [("allocate", ctypes.c_void_p), ("deallocate", ctypes.c_void_p), ("user", ctypes.c_void_p)]


class _Options(ctypes.Structure):
    """lamella_engine_options; what is left out stays null."""

    _fields_ = [
        ("size", ctypes.c_size_t), ("device", ctypes.c_char_p), ("max_rows", ctypes.c_size_t),
        ("threads", ctypes.c_int), ("fast", ctypes.c_int), ("precision", ctypes.c_char_p),
        ("path", ctypes.c_char_p), ("workspace", ctypes.c_void_p),
        ("workspace_bytes", ctypes.c_size_t), ("device_memory", _Memory)]


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
        ctypes.c_void_p, ctypes.POINTER(_Options), ctypes.POINTER(ctypes.c_void_p)]
    library.lamella_engine_clone.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
    library.lamella_engine_run.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    library.lamella_engine_run_top_k.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
    return library


class Error(RuntimeError):
    """What Lamella says about a failure."""


class Scorer:
    """A trained network on a device, "auto" unless one is named. Serves one thread at a time."""

    def __init__(self, model, activations=None, device=None):
        self._library = _library()
        self._engine = ctypes.c_void_p()
        network = ctypes.c_void_p()
        self._check(self._library.lamella_network_load(
            os.fsencode(model), activations and activations.encode(), None, ctypes.byref(network)))
        try:
            options = _Options(size=ctypes.sizeof(_Options), device=device and device.encode())
            self._check(self._library.lamella_engine_create(
                network, ctypes.byref(options), ctypes.byref(self._engine)))
            self.inputs = self._library.lamella_network_inputs(network)
            self.outputs = self._library.lamella_network_outputs(network)
        finally:
            self._library.lamella_network_release(network)  # the engine keeps what it needs

    def __call__(self, rows):
        """outputs [n x outputs] of rows [n x inputs], float32."""
        rows = self._rows(rows)
        outputs = numpy.empty((rows.shape[0], self.outputs), dtype=numpy.float32)
        self._check(self._library.lamella_engine_run(
            self._engine, rows.ctypes.data, rows.shape[0], outputs.ctypes.data))
        return outputs

    def top(self, rows, k=1):
        """The k largest outputs of each row as a structured array [n x k] of index and value."""
        rows = self._rows(rows)
        top = numpy.empty((rows.shape[0], k), dtype=[("index", "u4"), ("value", "f4")])
        self._check(self._library.lamella_engine_run_top_k(
            self._engine, rows.ctypes.data, rows.shape[0], k, top.ctypes.data))
        return top

    def clone(self):
        """Another scorer for another thread, which shares the weights of this one."""
        other = object.__new__(Scorer)
        other._library, other.inputs, other.outputs = self._library, self.inputs, self.outputs
        other._engine = ctypes.c_void_p()
        self._check(self._library.lamella_engine_clone(self._engine, ctypes.byref(other._engine)))
        return other

    def __del__(self):
        if hasattr(self, "_engine"):
            self._library.lamella_engine_release(self._engine)

    def _rows(self, rows):
        rows = numpy.ascontiguousarray(rows, dtype=numpy.float32)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ValueError(f"rows are {rows.shape}; (n, {self.inputs}) is wanted")
        return rows

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
