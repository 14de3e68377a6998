"""Trains the example network on Fashion-MNIST and writes it as model.onnx.

The network is small (about 27,000 weights) and has what quantizers meet in larger ones: BatchNormalization, a depthwise
convolution, pointwise convolutions, two residual additions, a global average and a fully connected layer. The ONNX file
is written node by node, so that BatchNormalization stays a node of its own for the quantizer to fold.

The file is the same for the same PyTorch version and processor: one thread, fixed seed.

needs: PyTorch, numpy, onnx, and Debian's package dataset-fashion-mnist
usage: train.py [--epochs 8] [--data /usr/share/datasets/fashion-mnist] [--output model.onnx]
"""
import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional


def read_idx(path):
    """The array of an IDX file: two zero bytes, element type 8 (uint8), rank, big-endian extents, elements."""
    with gzip.open(path, "rb") as file:
        raw = file.read()
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an IDX file of bytes")
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def load(folder, part):
    """(images float32 [N, 1, 28, 28] in 0...1, labels int64 [N])"""
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz").astype(np.float32) / 255
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int64)
    return torch.from_numpy(images[:, None]), torch.from_numpy(labels)


def unit(inputs, outputs, kernel=3, stride=1, groups=1):
    """Convolution without bias, then BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs))


class Network(nn.Module):
    """[N, 1, 28, 28] -> logits [N, 10]"""

    def __init__(self):
        super().__init__()
        self.stem = unit(1, 16)
        self.down1_depthwise = unit(16, 16, stride=2, groups=16)
        self.down1_pointwise = unit(16, 32, kernel=1)
        self.block1_first = unit(32, 32)
        self.block1_second = unit(32, 32)
        self.down2_depthwise = unit(32, 32, stride=2, groups=32)
        self.down2_pointwise = unit(32, 64, kernel=1)
        self.block2_depthwise = unit(64, 64, groups=64)
        self.block2_pointwise = unit(64, 64, kernel=1)
        self.classifier = nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.stem(x))
        x = functional.relu(self.down1_depthwise(x))
        x = functional.relu(self.down1_pointwise(x))
        x = functional.relu(x + self.block1_second(functional.relu(self.block1_first(x))))
        x = functional.relu(self.down2_depthwise(x))
        x = functional.relu(self.down2_pointwise(x))
        x = functional.relu(x + self.block2_pointwise(functional.relu(self.block2_depthwise(x))))
        return self.classifier(x.mean((2, 3)))


def augmented(x, generator):
    """Every image shifted by up to 2 pixels; every second one, on average, mirrored."""
    x = functional.pad(x, (2, 2, 2, 2))
    top, left = torch.randint(0, 5, (2,), generator=generator).tolist()
    x = x[:, :, top:top + 28, left:left + 28]
    mirrored = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], x.flip(3), x)


@torch.no_grad()
def accuracy(network, images, labels):
    network.eval()
    right = sum((network(images[i:i + 500]).argmax(1) == labels[i:i + 500]).sum().item()
                for i in range(0, len(images), 500))
    return 100 * right / len(images)


def train(network, images, labels, test, epochs, batch=128):
    generator = torch.Generator().manual_seed(0)
    steps = epochs * (len(images) // batch)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=steps, pct_start=0.25)
    for epoch in range(epochs):
        network.train()
        start, total = time.process_time(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for first in range(0, len(images) - batch + 1, batch):
            chosen = order[first:first + batch]
            loss = functional.cross_entropy(network(augmented(images[chosen], generator)), labels[chosen],
                                            label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total / (len(images) // batch):.4f}, test top-1 "
              f"{accuracy(network, *test):.2f} %, {time.process_time() - start:.0f} s of processor time", flush=True)


class Writer:
    """Nodes and initializers of the ONNX graph, in the order of the forward pass."""

    def __init__(self, network):
        self.network, self.nodes, self.initializers = network, [], []

    def constant(self, name, tensor):
        self.initializers.append(numpy_helper.from_array(tensor.detach().numpy().copy(), name))
        return name

    def node(self, kind, name, inputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def unit(self, name, x, relu=True):
        convolution, norm = getattr(self.network, name)
        x = self.node("Conv", f"{name}_conv", [x, self.constant(f"{name}_weight", convolution.weight)],
                      kernel_shape=list(convolution.kernel_size), strides=list(convolution.stride),
                      pads=list(convolution.padding) * 2, group=convolution.groups)
        x = self.node("BatchNormalization", f"{name}_norm", [x] + [
            self.constant(f"{name}_{part}", tensor) for part, tensor in [
                ("gamma", norm.weight), ("beta", norm.bias), ("mean", norm.running_mean),
                ("variance", norm.running_var)]], epsilon=norm.eps)
        return self.node("Relu", f"{name}_relu", [x]) if relu else x

    def residual(self, name, first, second, x):
        y = self.unit(second, self.unit(first, x), relu=False)
        return self.node("Relu", f"{name}_relu", [self.node("Add", f"{name}_add", [x, y])])


def write(network, path, top1):
    network.eval()
    w, x = Writer(network), "image"
    for name in ("stem", "down1_depthwise", "down1_pointwise"):
        x = w.unit(name, x)
    x = w.residual("block1", "block1_first", "block1_second", x)
    for name in ("down2_depthwise", "down2_pointwise"):
        x = w.unit(name, x)
    x = w.residual("block2", "block2_depthwise", "block2_pointwise", x)
    x = w.node("Flatten", "flatten", [w.node("GlobalAveragePool", "pool", [x])])
    w.nodes.append(helper.make_node("Gemm", [
        x, w.constant("classifier_weight", network.classifier.weight),
        w.constant("classifier_bias", network.classifier.bias)], ["logits"], name="classifier", transB=1))
    graph = helper.make_graph(
        w.nodes, "fashion-mnist-small", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], w.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="LowBit Examples/fashion-mnist/train.py")
    helper.set_model_props(model, {
        "license": "Apache-2.0", "data": "Fashion-MNIST, x / 255", "top1": f"{top1:.2f} % on the 10,000 test images"})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main():
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--output", type=Path, default=here / "model.onnx")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = Network()
    test = load(options.data, "t10k")
    train(network, *load(options.data, "train"), test, options.epochs)
    top1 = accuracy(network, *test)
    write(network, options.output, top1)
    weights = sum(p.numel() for p in network.parameters())
    print(f"{options.output}: {weights} weights, {options.output.stat().st_size} bytes, top-1 {top1:.2f} %")


if __name__ == "__main__":
    main()
