"""The whole job in Python: table_peer.py LIBRARY MODEL.onnx ROWS.csv SCORES.csv THREADS.

LIBRARY, which is pandas, pyarrow or numpy, reads and writes the tables; ONNX Runtime computes the scores. As short as such a
program is written: the whole table at once, in float32 from the start.
"""

import sys

import numpy

from peer import onnxruntime_session


def with_pandas(score, rows_file, scores_file, threads):
    import pandas

    rows = pandas.read_csv(rows_file, dtype=numpy.float32)
    pandas.DataFrame(score(rows.to_numpy())).to_csv(scores_file, header=False, index=False)


def with_pyarrow(score, rows_file, scores_file, threads):
    import pyarrow
    from pyarrow import csv

    pyarrow.set_cpu_count(threads)
    with open(rows_file) as file:
        names = file.readline().strip().split(",")
    options = csv.ConvertOptions(column_types={name: pyarrow.float32() for name in names})
    table = csv.read_csv(rows_file, convert_options=options)
    scores = score(numpy.stack([column.to_numpy() for column in table.columns], axis=1))
    table = pyarrow.table({f"y{i}": scores[:, i] for i in range(scores.shape[1])})
    csv.write_csv(table, scores_file, csv.WriteOptions(include_header=False))


def with_numpy(score, rows_file, scores_file, threads):
    rows = numpy.loadtxt(rows_file, dtype=numpy.float32, delimiter=",", skiprows=1, ndmin=2)
    numpy.savetxt(scores_file, score(rows), fmt="%.9g", delimiter=",")


def main():
    library, model, rows_file, scores_file, threads = sys.argv[1:]
    session = onnxruntime_session(model, int(threads))
    score = lambda rows: session.run(None, {session.get_inputs()[0].name: rows})[0]
    {"pandas": with_pandas, "pyarrow": with_pyarrow, "numpy": with_numpy}[library](score, rows_file, scores_file, int(threads))


if __name__ == "__main__":
    main()
