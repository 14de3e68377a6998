"""Samples of image sets as arrays that a network takes, with what they are scored against.

A set is a table of a plan: `form` says what lies at `path`, the rest how a picture becomes an input:
`(pixel * scale - mean) / std` in `layout`.

- `idx`: images and labels of the MNIST family; `path` names the images.
- `cifar`: records of a label and 3 x 32 x 32 bytes.
- `folder`: pictures, with classes in `labels.csv` (file, class) where it lies there. `short` is the length of the short
  side before the centre is cut to `size`; without `short` a picture is stretched to `size`.
- `pairs`: `*_LR.png` and `*_HR.png`, pictures to be enlarged and what they should become; inputs are squares of luma of
  `size` from the upper left corner, continued at their edges.
"""
import csv
import gzip
import pathlib

import numpy as np
from PIL import Image


class Samples:
    """`inputs` [count, ...] float32; `truth`: classes, or files of (small, large) pictures, or None."""

    def __init__(self, inputs, truth=None):
        self.inputs, self.truth = np.ascontiguousarray(inputs, np.float32), truth

    def part(self, places):
        truth = self.truth
        if truth is not None:
            truth = [truth[i] for i in places] if isinstance(truth, list) else truth[places]
        return Samples(self.inputs[places], truth)

    def apart(self, count):
        """`count` samples spread evenly, and the others."""
        chosen = np.unique(np.linspace(0, len(self.inputs) - 1, count).round().astype(int))
        return self.part(chosen), self.part(np.setdiff1d(np.arange(len(self.inputs)), chosen))

    def folds(self, count):
        """`count` ways to take every `count`th sample, and the others."""
        turn = np.arange(len(self.inputs)) % count
        return [(self.part(np.flatnonzero(turn == fold)), self.part(np.flatnonzero(turn != fold))) for fold in range(count)]


def read(table):
    """The samples of a set."""
    readers = {"idx": read_idx, "cifar": read_cifar, "folder": read_folder, "pairs": read_pairs}
    samples = readers[table["form"]](pathlib.Path(table["path"]), table)
    if "limit" in table:
        samples = samples.apart(table["limit"])[0]
    return samples


def scaled(pixels, table):
    """Inputs of bytes [count, height, width, channels]."""
    values = (pixels * np.float32(table.get("scale", 1)) - np.array(table.get("mean", 0))) / np.array(table.get("std", 1))
    return values.transpose(0, 3, 1, 2) if table.get("layout", "nchw") == "nchw" else values


def idx_array(path):
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = np.frombuffer(data, ">i4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def read_idx(path, table):
    labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    return Samples(scaled(idx_array(path)[..., None], table), idx_array(labels).astype(int))


def read_cifar(path, table):
    records = np.fromfile(path, np.uint8).reshape(-1, 3073)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Samples(scaled(pixels, table), records[:, 0].astype(int))


def picture(path, table):
    image = Image.open(path).convert("RGB")
    height, width = table["size"]
    if "short" not in table:
        return np.asarray(image.resize((width, height), Image.BILINEAR))
    factor = table["short"] / min(image.size)
    image = image.resize([round(side * factor) for side in image.size], Image.BILINEAR)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return np.asarray(image.crop((left, top, left + width, top + height)))


def read_folder(path, table):
    labels = path / "labels.csv"
    if labels.exists():
        with open(labels) as file:
            rows = list(csv.reader(file))[1:]
        names, truth = [row[0] for row in rows], np.array([int(row[1]) for row in rows])
    else:
        names = sorted(file.name for file in path.iterdir() if file.suffix.lower() in {".jpg", ".jpeg", ".png"})
        truth = None
    return Samples(scaled(np.stack([picture(path / name, table) for name in names]), table), truth)


def luma(path):
    """Luma of ITU-R BT.601 of a picture, 0...1."""
    return np.asarray(Image.open(path).convert("RGB"), np.float64) @ [0.299, 0.587, 0.114] / 255


def square(values, side):
    values = values[:side, :side]
    return np.pad(values, [(0, side - length) for length in values.shape], mode="edge")


def read_pairs(path, table):
    small = sorted(path.glob("*_LR.png"))
    pairs = [(name, name.with_name(name.name.replace("_LR", "_HR"))) for name in small]
    side = table["size"][0]
    return Samples(np.stack([square(luma(name), side)[None] for name in small]), pairs)
