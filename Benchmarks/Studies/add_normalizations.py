"""A BatchNormalization that changes nothing behind every convolution of a network, for studies of training and of
quantization without data:

    add_normalizations.py network.onnx cifar.bin|inputs.npy output.onnx

Its statistics are those of the first 512 images of a binary CIFAR-10 file, or of inputs that are ready for the network; its
factors and shifts undo them. Needs numpy, onnx and onnxruntime.
"""
import sys

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

EPSILON, COUNT = 1e-5, 512
MEAN = numpy.array([0.4914, 0.4822, 0.4465], numpy.float32).reshape(1, 3, 1, 1)
DEVIATION = numpy.array([0.2470, 0.2435, 0.2616], numpy.float32).reshape(1, 3, 1, 1)


def images(path):
    if path.endswith(".npy"):
        return numpy.load(path)[:COUNT]
    rows = numpy.fromfile(path, numpy.uint8)[: 3073 * COUNT].reshape(COUNT, 3073)[:, 1:]
    return (rows.reshape(COUNT, 3, 32, 32).astype(numpy.float32) / 255 - MEAN) / DEVIATION


def observed(model, names, data):
    for name in names:
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    source = session.get_inputs()[0]
    batch = source.shape[0] if isinstance(source.shape[0], int) else len(data)
    parts = [session.run(names, {source.name: data[start: start + batch]}) for start in range(0, len(data), batch)]
    return {name: numpy.concatenate(values) for name, *values in zip(names, *parts)}


def main(source, data, output):
    model = onnx.load(source)
    names = [node.output[0] for node in model.graph.node if node.op_type == "Conv"]
    values = observed(onnx.load(source), names, images(data))
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type != "Conv":
            continue
        name = node.output[0]
        node.output[0] = f"{name}_raw"
        mean, variance = values[name].mean((0, 2, 3)), values[name].var((0, 2, 3))
        parameters = {"scale": numpy.sqrt(variance + EPSILON), "shift": mean, "mean": mean, "variance": variance}
        for suffix, value in parameters.items():
            model.graph.initializer.append(numpy_helper.from_array(value.astype(numpy.float32), f"{name}_{suffix}"))
        nodes.append(helper.make_node("BatchNormalization", [f"{name}_raw"] + [f"{name}_{key}" for key in parameters],
                                      [name], epsilon=EPSILON))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
