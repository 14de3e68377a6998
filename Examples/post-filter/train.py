#!/usr/bin/env python3
"""Trains model.onnx beside this file: train.py QTOOL IMAGES WORK

IMAGES is a folder of PNG or JPEG pictures, WORK a folder for what is made on the way. Each picture's luma is coded
by x265 at several quantization parameters; `qtool train` brings the decoded patches near the original ones. Needs
ffmpeg, x265, numpy and onnx.
"""

import pathlib
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

QTOOL, IMAGES, WORK = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
PATCH, CHANNELS, LAYERS = 48, 8, 4


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, **options).stdout


def luma(arguments, width, height):
    """The first picture of a file as ffmpeg decodes it, its luma."""
    data = run("ffmpeg", "-v", "error", *arguments, "-frames:v", 1, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    return numpy.frombuffer(data[: width * height], numpy.uint8).reshape(height, width)


def patches(path, parameter):
    size = "320x320"
    scale = "scale=320:320:force_original_aspect_ratio=increase,crop=320:320"
    original = WORK / "original.y4m"
    run("ffmpeg", "-v", "error", "-y", "-i", path, "-vf", scale, "-frames:v", 1, "-pix_fmt", "yuv420p", original)
    stream = WORK / "coded.hevc"
    run("x265", "--input", original, "--preset", "medium", "--qp", parameter, "--no-info", "--log-level", "none",
        "-o", stream)
    pair = [luma(["-i", name], 320, 320) for name in (stream, original)]
    for top in range(0, 320 - PATCH + 1, PATCH):
        for left in range(0, 320 - PATCH + 1, PATCH):
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
    for path in sorted(IMAGES.glob("*.png")) + sorted(IMAGES.glob("*.jpg")):
        for parameter in (32, 37, 42):
            pairs += patches(path, parameter)
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
