"""Makes blocks.txt, the golden file of tests/base: blocks of ggml's formats, any bytes, and their numbers.

python3 make_blocks.py        (numpy, gguf; writes beside itself; deterministic)
"""

import pathlib

import gguf
import numpy

FORMATS = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]


def main():
    draw = numpy.random.default_rng(3)
    text = ""
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = draw.integers(0, 256, (2, size), dtype="uint8")
        scale = 208 if name == "Q6_K" else 0
        # one with a small scale, below float16's normal numbers; one with NaN (its numbers need not be told)
        blocks[0, scale : scale + 2] = numpy.array([-3e-6], "float16").view("uint8")
        if name in ("Q4_1", "Q5_1", "Q4_K", "Q5_K"):
            blocks[0, 2:4] = numpy.array([0.37], "float16").view("uint8")
        blocks[1, scale : scale + 2] = numpy.array([numpy.nan], "float16").view("uint8")
        values = gguf.quants.dequantize(blocks, kind)
        assert numpy.isnan(values[1]).all()
        text += f"{name}: " + " ".join(map(str, blocks.ravel())) + "\n"
        text += f"{name}_values: " + " ".join(f"{value:.9g}" for value in values[0]) + "\n"
    values = draw.normal(size=64).astype("float32")
    values[7] = 0
    values[32:] *= 1e-6
    text += "floats: " + " ".join(f"{value:.9g}" for value in values) + "\n"
    blocks = gguf.quants.quantize(values.reshape(1, -1), gguf.GGMLQuantizationType.Q8_0)
    text += "as_Q8_0: " + " ".join(map(str, blocks.ravel())) + "\n"
    (pathlib.Path(__file__).resolve().parent / "blocks.txt").write_text(text)


if __name__ == "__main__":
    main()
