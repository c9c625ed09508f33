"""Scores rows of numbers from standard input by the C interface: what examples/c_api/score.c does, by ctypes alone.

    LAMELLA_LIBRARY=liblamella.so python3 score.py MODEL < rows.txt
"""

import ctypes
import os
import sys

library = ctypes.CDLL(os.environ["LAMELLA_LIBRARY"])
library.lamella_last_error.restype = ctypes.c_char_p
library.lamella_network_inputs.restype = ctypes.c_size_t
library.lamella_network_outputs.restype = ctypes.c_size_t


def check(status):
    if status != 0:
        sys.exit("score.py: " + library.lamella_last_error().decode())


network = ctypes.c_void_p()
check(library.lamella_network_load(os.fsencode(sys.argv[1]), None, None, ctypes.byref(network)))
engine = ctypes.c_void_p()
check(library.lamella_engine_create(network, None, ctypes.byref(engine)))
inputs = library.lamella_network_inputs(network)
outputs = library.lamella_network_outputs(network)

numbers = [float(number) for number in sys.stdin.read().split()]
count = len(numbers) // inputs
rows = (ctypes.c_float * len(numbers))(*numbers)
scores = (ctypes.c_float * (count * outputs))()
check(library.lamella_engine_run(engine, rows, ctypes.c_size_t(count), scores))
for row in range(count):
    print(" ".join(f"{score:g}" for score in scores[row * outputs:(row + 1) * outputs]))
library.lamella_engine_release(engine)
library.lamella_network_release(network)
