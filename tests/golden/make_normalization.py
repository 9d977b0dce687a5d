"""Writes normalization.txt beside this file: columns of every kind, what scikit-learn's StandardScaler and MinMaxScaler
measure on them, and what they make of them. Read by tests/train/test_normalization.c.

    python3 tests/golden/make_normalization.py
"""

import pathlib

import numpy
from sklearn.preprocessing import MinMaxScaler, StandardScaler

draw = numpy.random.default_rng(11)
SAMPLES = 41
columns = [
    draw.normal(0, 1, SAMPLES),
    1.7e9 + draw.integers(0, 1000, SAMPLES),  # seconds since 1970: float32 would have steps of 128
    numpy.full(SAMPLES, 0.1),  # constant, and no sum of it is exact
    draw.exponential(1e-7, SAMPLES),
    draw.integers(0, 2, SAMPLES) * 1.0,
    -5e5 + draw.normal(0, 1e-3, SAMPLES),
]
x = numpy.stack(columns, 1)
standard, extent = StandardScaler().fit(x), MinMaxScaler().fit(x)
lines = []


def put(key, values):
    lines.append(f"{key}: " + " ".join(repr(float(value)) for value in numpy.ravel(values)))


put("x", x)
put("mean", standard.mean_)
put("deviation", standard.scale_)
put("standard", standard.transform(x))
put("least", extent.data_min_)
put("range", numpy.where(extent.data_range_ == 0, 1, extent.data_range_))
put("scaled", extent.transform(x))
(pathlib.Path(__file__).parent / "normalization.txt").write_text("\n".join(lines) + "\n")
