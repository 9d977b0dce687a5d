"""Pictures a second on one core, from a folder of files to bytes of 224 x 224: this library, and Pillow with
torchvision's transforms, before anything becomes floats. Both in turns over the same pictures, by process time.

    PRETRAIN_LIBRARY=build/lib/libpretrain.so.0.1.0 chrt -r 1 python3 bench/decoding.py FOLDER [--seconds 20]

FOLDER has a folder a class. Needs Pillow, torchvision and NumPy."""

import argparse
import ctypes
import os
import sys
import time
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/python"))
import numpy  # noqa: E402
import pretrain  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

# What it has for detection does not fit every torch, and transforms of pictures do without.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("none")
import torchvision.transforms as transforms  # noqa: E402

SIDE, BATCH = 224, 16
CASES = {  # name: options of ours, the same of torchvision
    "evaluation: 256, the middle": (
        {"shorter_side": 256},
        [transforms.Resize(256), transforms.CenterCrop(SIDE)],
    ),
    "random crop, mirror": (
        {"crop": pretrain.IMAGE_CROP_RANDOM_RESIZED, "flip_horizontally": 0.5},
        [transforms.RandomResizedCrop(SIDE), transforms.RandomHorizontalFlip()],
    ),
    "the same, colors 0.4": (
        {
            "crop": pretrain.IMAGE_CROP_RANDOM_RESIZED,
            "flip_horizontally": 0.5,
            "brightness": 0.4,
            "contrast": 0.4,
            "saturation": 0.4,
            "hue": 0.1,
        },
        [
            transforms.RandomResizedCrop(SIDE),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(0.4, 0.4, 0.4, 0.1),
        ],
    ),
    "the same, RandAugment": (
        {"crop": pretrain.IMAGE_CROP_RANDOM_RESIZED, "flip_horizontally": 0.5, "randaugment": 2},
        [transforms.RandomResizedCrop(SIDE), transforms.RandomHorizontalFlip(), transforms.RandAugment()],
    ),
}


def ours(context, folder, options):
    data = context.images(folder, height=SIDE, width=SIDE, **options)
    pixels = numpy.empty((BATCH, SIDE, SIDE, 3), numpy.uint8)
    values = pretrain.Array()
    values.dtype, values.data, values.capacity = pretrain.UINT8, pixels.ctypes.data, pixels.size

    def run(first):
        indices = (ctypes.c_int64 * BATCH)(*[(first + i) % len(data) for i in range(BATCH)])
        pretrain._check(
            pretrain.library.pt_dataset_read(
                data, indices, BATCH, b"pixel_values", ctypes.byref(values), ctypes.sizeof(values)
            )
        )
        return pixels  # whose memory stays

    return run


def theirs(paths, steps):
    transform = transforms.Compose(steps)

    def run(first):
        for i in range(BATCH):
            with open(paths[(first + i) % len(paths)], "rb") as file:
                transform(Image.open(file).convert("RGB"))

    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=float, default=20, help="a case, for both together")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    context = pretrain.Context(threads=1)
    paths = sorted(
        os.path.join(folder, name)
        for folder, _, names in os.walk(arguments.folder)
        for name in names
        if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))
    )
    sizes = [Image.open(path).size for path in paths[:50]]
    mean = [sum(size[i] for size in sizes) / len(sizes) for i in range(2)]
    print(f"{len(paths)} pictures, the first of {mean[0]:.0f} x {mean[1]:.0f} in the mean")
    print(f"{'':30} {'ours':>8} {'Pillow':>8} {'times':>6}")
    for name, (options, steps) in CASES.items():
        runs, spent = [ours(context, arguments.folder, options), theirs(paths, steps)], [0.0, 0.0]
        for run in runs:
            run(0)
        batches = 0
        while sum(spent) < arguments.seconds:
            for which, run in enumerate(runs):
                begin = time.process_time()
                run(batches * BATCH)
                spent[which] += time.process_time() - begin
            batches += 1
        rates = [batches * BATCH / seconds for seconds in spent]
        print(f"{name:30} {rates[0]:8.1f} {rates[1]:8.1f} {rates[0] / rates[1]:6.2f}")


if __name__ == "__main__":
    main()
