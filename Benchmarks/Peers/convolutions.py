"""Convolutions of a network, layer by layer and in sum: ours in float and on packed codes beside ONNX Runtime's Conv and
QLinearConv, and on an NVIDIA GPU beside torch's.

    convolutions.py --qtool qtool --shapes resnet-18 --batch 1 32 --json result.json

Rates are billions of multiplications with addition a second. Codes of data are uint8 and of weights int8 with a scale for
every filter, results uint8.
"""
import numpy as np

from common import Ours, Peers, cuda, finish, layers, optional, parser, table, turns


def onnxruntime_session(onnx, runtime, layer, batch, threads, has_codes):
    helper, kinds = onnx.helper, onnx.TensorProto
    rng = np.random.default_rng(0)
    shape = [layer.filters, layer.channels // layer.groups, *layer.kernel]
    data = [batch, layer.channels, *layer.size]
    if has_codes:
        constants = {
            "x_scale": np.float32(0.02), "x_zero": np.uint8(128), "w": rng.integers(-127, 128, shape).astype(np.int8),
            "w_scale": np.full(layer.filters, 0.01, np.float32), "w_zero": np.zeros(layer.filters, np.int8),
            "y_scale": np.float32(0.5), "y_zero": np.uint8(128),
            "b": rng.integers(-1000, 1000, layer.filters).astype(np.int32)}
        operator, kind, x = "QLinearConv", kinds.UINT8, rng.integers(0, 256, data, np.uint8)
    else:
        constants = {"w": rng.standard_normal(shape, np.float32), "b": rng.standard_normal(layer.filters, np.float32)}
        operator, kind, x = "Conv", kinds.FLOAT, rng.standard_normal(data, np.float32)
    node = helper.make_node(operator, ["x", *constants], ["y"], kernel_shape=layer.kernel, pads=layer.pads * 2,
                            strides=[layer.stride] * 2, group=layer.groups)
    graph = helper.make_graph(
        [node], "layer", [helper.make_tensor_value_info("x", kind, data)],
        [helper.make_tensor_value_info("y", kind, [batch, layer.filters, *layer.result])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})


def add_onnxruntime(peers, work, batch, threads):
    onnx, runtime = optional("onnx"), optional("onnxruntime")
    if onnx is None or runtime is None:
        return
    import onnx.numpy_helper  # noqa: F401
    for layer in work:
        for name, has_codes in (("ONNX Runtime float", False), ("ONNX Runtime int8", True)):
            peers.add(name, layer.name, lambda layer=layer, has_codes=has_codes: onnxruntime_session(
                onnx, runtime, layer, batch, threads, has_codes))


def torch_convolution(torch, layer, batch, kind):
    x = torch.randn(batch, layer.channels, *layer.size, device="cuda", dtype=kind)
    w = torch.randn(layer.filters, layer.channels // layer.groups, *layer.kernel, device="cuda", dtype=kind)
    x, w = [t.to(memory_format=torch.channels_last) for t in (x, w)]
    return lambda: torch.nn.functional.conv2d(x, w, stride=layer.stride, padding=layer.pads, groups=layer.groups)


def torch_product(torch, pixels, depth, filters):
    a = torch.randint(-128, 128, (pixels, depth), device="cuda", dtype=torch.int8)
    b = torch.randint(-128, 128, (filters, depth), device="cuda", dtype=torch.int8).t()
    return lambda: torch._int_mm(a, b)


def add_torch(peers, work, batch):
    torch = optional("torch")
    if not cuda(torch):
        return
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    for layer in work:
        for name, kind in (("torch fp32", torch.float32), ("torch fp16", torch.float16)):
            peers.add(name, layer.name, lambda layer=layer, kind=kind: torch_convolution(torch, layer, batch, kind),
                      torch.cuda.synchronize)
        # Its extents must be multiples of 8, and there is none for groups.
        depth = layer.channels * layer.kernel[0] * layer.kernel[1]
        pixels = batch * layer.result[0] * layer.result[1]
        if layer.groups == 1 and depth % 8 == 0 and layer.filters % 8 == 0 and pixels > 16:
            peers.add("torch._int_mm", layer.name, lambda pixels=pixels, depth=depth, layer=layer: torch_product(
                torch, pixels, depth, layer.filters), torch.cuda.synchronize)


def main():
    p = parser(__doc__)
    p.add_argument("--shapes", default="resnet-18", help="a list of ../Shapes, or a file")
    p.add_argument("--batch", type=int, nargs="+", default=[1])
    p.add_argument("--widths", nargs="+", default=["w8a8"], help="bits of ours on packed codes")
    options = p.parse_args()
    work, rows = layers(options.shapes), []
    for batch in options.batch:
        peers = Peers()
        add_onnxruntime(peers, work, batch, options.threads)
        add_torch(peers, work, batch)
        names = peers.names
        widths = [word for width in options.widths for word in ("--widths", width)]
        ours = Ours(options, "@", "--shapes", options.shapes, "--batch", batch, *widths)
        turns(options.rounds, ours, peers)
        kinds = ["conv"] + [f"packed {width}" for width in options.widths] if options.qtool else []
        header, shown = ["layer", "times"] + [f"ours {kind}" for kind in kinds] + names, []
        totals = [[0.0, 0.0] for _ in kinds + names]
        for layer in work:
            times = [ours.median(f"{kind} {layer.name}") for kind in kinds] + [peers.median(n, layer.name) for n in names]
            billions = layer.multiplications * batch * 1e-9
            shown.append([layer.name, layer.times] + [billions / t if t else None for t in times])
            for total, name, t in zip(totals, header[2:], times):
                if t:
                    total[0] += billions * layer.times
                    total[1] += t * layer.times
                    rows.append({"batch": batch, "layer": layer.name, "times": layer.times, "name": name, "median_s": t,
                                 "rate": billions / t, "unit": "GMAC/s"})
        shown.append(["all", sum(layer.times for layer in work)] + [w / t if t else None for w, t in totals])
        print(f"\nbatch {batch}, GMAC/s")
        table(header, shown)
        for name, (_, t) in zip(header[2:], totals):
            rows.append({"batch": batch, "layer": "all", "name": name, "median_s": t})
    finish(options, ours, rows)


if __name__ == "__main__":
    main()
