"""Writes pictures.safetensors: small files of pictures ("file/NAME"), and what Pillow and torchvision make of them: the
pixels ("rgb/NAME", "gray/NAME", "half/NAME" decoded to half its size), and what edits give ("edit/NAME" of "base").
Needs Pillow, torchvision, torch and safetensors:  python3 tests/golden/make_pictures.py"""

import gzip
import io
import os
import pickle
import struct
import sys
import types
import zlib

import numpy
import torch
from PIL import Image, ImageEnhance, ImageOps
from safetensors.numpy import save_file

# What it has for detection does not fit every torch, and transforms of pictures do without.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("none")
import torchvision.transforms as transforms  # noqa: E402
import torchvision.transforms.functional as functional  # noqa: E402
from torchvision.transforms.autoaugment import _apply_op  # noqa: E402

torch.manual_seed(1)
random = numpy.random.default_rng(1)
WIDTH, HEIGHT = 19, 14
y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
base = numpy.stack([x * 12 + y, 255 - y * 15, 128 + 100 * numpy.sin(x * 0.7 + y * 0.3)], axis=2)
base = numpy.clip(base + random.normal(0, 12, base.shape), 0, 255).astype(numpy.uint8)
picture = Image.fromarray(base)
out = {"base": base}


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def add(name, data, rgb=None, gray=None):
    """What Pillow says of a file, unless it is known better."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    out["file/" + name] = numpy.frombuffer(data, numpy.uint8)
    out["rgb/" + name] = numpy.asarray(image.convert("RGB")) if rgb is None else rgb
    out["gray/" + name] = numpy.asarray(image.convert("RGB").convert("L")) if gray is None else gray


def draft(data, mode, size):
    image = Image.open(io.BytesIO(data))
    image.draft(mode, size)
    return numpy.asarray(image.convert(mode))


def png(width, height, bits, kind, rows, interlaced=0):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
        + chunk(b"IEND", b"")
    )


# ---- JPEG ----
for name, options in {
    "color.jpg": {"quality": 85},
    "color444.jpg": {"quality": 85, "subsampling": 0},
    "progressive.jpg": {"quality": 85, "progressive": True},
}.items():
    data = saved(picture, "JPEG", **options)
    add(name, data, gray=draft(data, "L", (WIDTH, HEIGHT)))
data = saved(Image.fromarray(numpy.kron(base, numpy.ones((3, 3, 1), numpy.uint8))), "JPEG", quality=85)
add("larger.jpg", data, gray=draft(data, "L", (WIDTH * 3, HEIGHT * 3)))
out["half/larger.jpg"] = draft(data, "RGB", (WIDTH * 3 // 2, HEIGHT * 3 // 2))
add("gray.jpg", saved(picture.convert("L"), "JPEG"))
add("cmyk.jpg", saved(picture.convert("CMYK"), "JPEG", quality=90))
exif = Image.Exif()
exif[0x0112] = 6
data = saved(picture, "JPEG", exif=exif)
add("turned.jpg", data, gray=numpy.rot90(draft(data, "L", (WIDTH, HEIGHT)), -1).copy())
data = saved(picture.crop((3, 3, 4, 4)), "JPEG")
add("one.jpg", data, gray=draft(data, "L", (1, 1)))

# ---- PNG ----
alpha = Image.fromarray((x * 13 + y).astype(numpy.uint8))
rgba, la = picture.copy(), picture.convert("L")
rgba.putalpha(alpha)
la.putalpha(alpha)
add("rgb.png", saved(picture, "PNG"))
add("rgba.png", saved(rgba, "PNG"))
add("gray.png", saved(picture.convert("L"), "PNG"))
add("gray_alpha.png", saved(la, "PNG"))
add("gray_trns.png", saved(picture.convert("L"), "PNG", transparency=100))
add("palette.png", saved(picture.quantize(11), "PNG"))
add("palette_trns.png", saved(picture.quantize(5), "PNG", transparency=2))
add("bits.png", saved(picture.convert("1"), "PNG"))
wide = base.astype(numpy.uint16) * 256 + random.integers(0, 256, base.shape).astype(numpy.uint16)
add(
    "rgb16.png",
    png(WIDTH, HEIGHT, 16, 2, [b"\0" + row.astype(">u2").tobytes() for row in wide]),
    rgb=base,
    gray=numpy.asarray(picture.convert("L")),
)
add(
    "gray16.png",
    png(WIDTH, HEIGHT, 16, 0, [b"\0" + row[:, 0].astype(">u2").tobytes() for row in wide]),
    rgb=numpy.repeat(base[:, :, :1], 3, axis=2),
    gray=base[:, :, 0].copy(),
)
rows = []
for left, top, across, down in [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]:
    rows += [b"\0" + row.tobytes() for row in base[top::down, left::across]]
add("interlaced.png", png(WIDTH, HEIGHT, 8, 2, rows, 1))
small = picture.crop((0, 0, 4, 3))
for orientation in range(2, 9):
    exif[0x0112] = orientation
    add(f"turned{orientation}.png", saved(small, "PNG", exif=exif))
add("one.png", saved(picture.crop((3, 3, 4, 4)), "PNG"))

# ---- WebP ----
exif[0x0112] = 6
add("lossy.webp", saved(picture, "WEBP", quality=80))
add("lossless.webp", saved(picture, "WEBP", lossless=True))
add("alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
add("turned.webp", saved(picture, "WEBP", lossless=True, exif=exif))
animation = io.BytesIO()
picture.save(animation, "WEBP", save_all=True, append_images=[rgba.convert("RGB").rotate(90)], lossless=True)
out["file/animation.webp"] = numpy.frombuffer(animation.getvalue(), numpy.uint8)


# ---- Edits ----
def edit(name, image):
    out["edit/" + name] = numpy.asarray(image)


for name, filter in {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}.items():
    for width, height in [(7, 9), (30, 5), (19, 3), (45, 40), (1, 1)]:
        edit(f"{name}_{width}x{height}", picture.resize((width, height), filter))
edit("center", functional.center_crop(functional.resize(picture, 11), [8, 9]))
edit("crop", functional.resized_crop(picture, 3, 2, 9, 13, [8, 6]))
edit("brightness", functional.adjust_brightness(picture, 1.7))
edit("darkness", functional.adjust_brightness(picture, 0.3))
edit("contrast", functional.adjust_contrast(picture, 1.6))
edit("flatness", functional.adjust_contrast(picture, 0.4))
edit("saturation", functional.adjust_saturation(picture, 1.9))
edit("paleness", functional.adjust_saturation(picture, 0.2))
edit("hue_forth", functional.adjust_hue(picture, 0.23))
edit("hue_back", functional.adjust_hue(picture, -0.4))
edit("gray", functional.rgb_to_grayscale(picture, 3))
edit("sharpness", functional.adjust_sharpness(picture, 1.8))
edit("smoothness", functional.adjust_sharpness(picture, 0.1))
edit("blur", functional.gaussian_blur(picture, [5, 5], [1.3, 1.3]))
edit("blur_wide", functional.gaussian_blur(picture, [23, 23], [3.0, 3.0]))
edit("mirror", functional.hflip(picture))
edit("flip", functional.vflip(picture))
augment = transforms.RandAugment()
space = augment._augmentation_space(31, (HEIGHT, WIDTH))
for number, (name, (magnitudes, is_signed)) in enumerate(space.items()):
    for strength in (9, 30):
        for sign in (1, -1) if is_signed else (1,):
            magnitude = float(magnitudes[strength].item()) if magnitudes.ndim > 0 else 0.0
            changed = _apply_op(picture, name, magnitude * sign, functional.InterpolationMode.NEAREST, None)
            edit(f"{number}_{strength}_{sign}", changed)

# ---- What is drawn ----
wide = Image.new("L", (640, 480))
crops = numpy.array([transforms.RandomResizedCrop.get_params(wide, (0.08, 1), (3 / 4, 4 / 3)) for _ in range(20000)])
top, left, tall, across = crops.T
numbers = [tall * across / (640 * 480), numpy.log(across / tall), top / 480, left / 640]
out["draws"] = numpy.array([[values.mean(), values.std()] for values in numbers], numpy.float32)

# ---- IDX, packed ----
idx = struct.pack(">IIII", 0x803, 3, 2, 2) + bytes(range(12))
out["file/images.gz"] = numpy.frombuffer(
    gzip.compress(idx[:20], mtime=0) + gzip.compress(idx[20:], mtime=0), numpy.uint8
)
out["file/labels.gz"] = numpy.frombuffer(
    gzip.compress(struct.pack(">II", 0x801, 3) + b"\x01\x00\x02", mtime=0), numpy.uint8
)

# ---- Pickled batches ----
rows = random.integers(0, 256, (2, 3072), numpy.uint8)
out["batch"] = rows.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1).copy()
for name, batch in {
    "text": {"data": rows, "labels": [2, 0], "batch_label": "testing batch 1 of 1"},
    "bytes": {b"labels": [2, 0], b"data": numpy.asfortranarray(rows)},
    "hundred": {b"data": rows, b"fine_labels": [2, 0], b"coarse_labels": [0, 1]},
}.items():
    out["pickle/" + name] = numpy.frombuffer(pickle.dumps(batch, 4 if name == "hundred" else 3), numpy.uint8)
names = {"label_names": ["ape", "bee", "cat"]}
out["pickle/names"] = numpy.frombuffer(pickle.dumps(names, 2), numpy.uint8)
odd = {"data": rows[:1, :8].astype(numpy.int32), "labels": [2]}
out["pickle/odd"] = numpy.frombuffer(pickle.dumps(odd, 3), numpy.uint8)


# ---- Seeds of the fuzz targets ----
def literal(data):
    """Octal, of three digits each, so that nothing behind is taken for more of them."""
    text = "".join(f"\\{byte:03o}" for byte in data)
    return "\n".join(f'    "{text[at:at + 112]}"' for at in range(0, len(text), 112))


tiny = picture.crop((0, 0, 9, 7))
exif[0x0112] = 5
seeds = {
    "baseline": saved(tiny, "JPEG", quality=30, exif=exif),
    "progressive": saved(tiny, "JPEG", quality=30, progressive=True),
    "cmyk": saved(tiny.convert("CMYK"), "JPEG", quality=30),
    "palette": saved(tiny.quantize(4), "PNG", transparency=1, exif=exif),
    "interlaced": out["file/interlaced.png"].tobytes(),
    "alpha": saved(la.crop((0, 0, 5, 4)), "PNG"),
    "lossy": saved(tiny, "WEBP", quality=10),
    "lossless": saved(tiny, "WEBP", lossless=True, exif=exif),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fuzz/picture_seeds.h"), "w") as file:
    file.write("/* Written by tests/golden/make_pictures.py: small files of pictures. */\n")
    file.write("#ifndef PICTURE_SEEDS_H\n#define PICTURE_SEEDS_H\n\n")
    for name, data in seeds.items():
        lines = literal(data).replace("\n", " \\\n")
        file.write(f"#define SEED_{name.upper()} \\\n{lines}\n")
    file.write("\n#endif\n")

out = {name: numpy.ascontiguousarray(array) for name, array in out.items()}
save_file(out, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pictures.safetensors"))
