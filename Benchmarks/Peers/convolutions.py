"""Convolutions of a network, layer by layer and in sum: ours in float and on packed codes beside ONNX Runtime's Conv and
QLinearConv, and on an NVIDIA GPU beside torch's.

    convolutions.py --qtool qtool --shapes resnet-18 --batch 1 32 --json result.json

Rates are billions of multiplications with addition a second. Codes of data are uint8 and of weights int8 with a scale for
every filter, results uint8.

Codes are measured twice. Alone: every call is waited for before the next one; ONNX Runtime runs a model of one QLinearConv,
channels second. In a row: --calls of them, as a network has its layers; ours are enqueued and waited for at the end, ONNX
Runtime runs a model of as many QLinearConv of the same data and weights, channels last (com.microsoft), as its optimizer
makes of a network. The last lines are ours divided by ONNX Runtime's, each over all layers.
"""
import numpy as np

from common import Ours, Peers, cuda, finish, layers, optional, parser, table, turns

ALONE, IN_A_ROW = "ONNX Runtime int8", "ONNX Runtime int8 in a row"


def onnxruntime_session(onnx, runtime, layer, batch, threads, has_codes, calls=1):
    """A function that runs `calls` nodes of the same data and weights; more than one have their channels last."""
    helper, kinds = onnx.helper, onnx.TensorProto
    rng = np.random.default_rng(0)
    shape = [layer.filters, layer.channels // layer.groups, *layer.kernel]
    data, result = [batch, layer.channels, *layer.size], [batch, layer.filters, *layer.result]
    settings = {"kernel_shape": layer.kernel, "pads": layer.pads * 2, "strides": [layer.stride] * 2, "group": layer.groups}
    if calls > 1:
        data, result = ([n, *size, c] for n, c, *size in (data, result))
        settings |= {"domain": "com.microsoft", "channels_last": 1}
    if has_codes:
        constants = {
            "x_scale": np.float32(0.02), "x_zero": np.uint8(128), "w": rng.integers(-127, 128, shape).astype(np.int8),
            "w_scale": np.full(layer.filters, 0.01, np.float32), "w_zero": np.zeros(layer.filters, np.int8),
            "y_scale": np.float32(0.5), "y_zero": np.uint8(128)}
        operator, kind, x = "QLinearConv", kinds.UINT8, rng.integers(0, 256, data, np.uint8)
        biases = rng.integers(-1000, 1000, (calls, layer.filters)).astype(np.int32)
    else:
        constants = {"w": rng.standard_normal(shape, np.float32)}
        operator, kind, x = "Conv", kinds.FLOAT, rng.standard_normal(data, np.float32)
        biases = rng.standard_normal((calls, layer.filters), np.float32)
    # Biases differ, so that nodes are not taken for one.
    nodes = [helper.make_node(operator, ["x", *constants, f"b{call}"], [f"y{call}"], **settings) for call in range(calls)]
    constants |= {f"b{call}": bias for call, bias in enumerate(biases)}
    graph = helper.make_graph(
        nodes, "layer", [helper.make_tensor_value_info("x", kind, data)],
        [helper.make_tensor_value_info(f"y{call}", kind, result) for call in range(calls)],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    model = helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)])
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    # Results stay where they are made, one over the other.
    binding = session.io_binding()
    y = runtime.OrtValue.ortvalue_from_shape_and_type(result, np.uint8 if has_codes else np.float32)
    binding.bind_cpu_input("x", x)
    for call in range(calls):
        binding.bind_ortvalue_output(f"y{call}", y)
    return lambda: session.run_with_iobinding(binding)


def add_onnxruntime(peers, work, batch, options):
    onnx, runtime = optional("onnx"), optional("onnxruntime")
    if onnx is None or runtime is None:
        return
    import onnx.numpy_helper  # noqa: F401
    kinds = (("ONNX Runtime float", False, 1), (ALONE, True, 1), (IN_A_ROW, True, options.calls))
    for layer in work:
        for name, has_codes, calls in kinds:
            peers.add(name, layer.name, lambda layer=layer, has_codes=has_codes, calls=calls: onnxruntime_session(
                onnx, runtime, layer, batch, options.threads, has_codes, calls), calls=calls)


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


def measure(options, batch, work, rows):
    peers = Peers()
    add_onnxruntime(peers, work, batch, options)
    add_torch(peers, work, batch)
    widths = [word for width in options.widths for word in ("--widths", width)]
    words = ["--shapes", options.shapes, "--batch", batch, *widths]
    ours, in_a_row = Ours(options, "@", *words), Ours(options, "packed", "@", *words, "--calls", options.calls)
    turns(options.rounds, ours, in_a_row, peers)
    packed = [f"packed {width}" for width in options.widths]
    columns = {}
    if options.qtool:
        columns |= {f"ours {kind}": lambda layer, kind=kind: ours.median(f"{kind} {layer.name}") for kind in ["conv"] + packed}
        columns |= {f"ours {kind} in a row": lambda layer, kind=kind: in_a_row.median(f"{kind} {layer.name}")
                    for kind in packed}
    columns |= {name: lambda layer, name=name: peers.median(name, layer.name) for name in peers.names}
    shown, totals = [], {name: [0.0, 0.0] for name in columns}
    for layer in work:
        billions, shown_rates = layer.multiplications * batch * 1e-9, []
        for name, median in columns.items():
            t = median(layer)
            shown_rates.append(billions / t if t else None)
            if t:
                totals[name][0] += billions * layer.times
                totals[name][1] += t * layer.times
                rows.append({"batch": batch, "layer": layer.name, "times": layer.times, "name": name, "median_s": t,
                             "rate": billions / t, "unit": "GMAC/s"})
        shown.append([layer.name, layer.times] + shown_rates)
    rates = {name: work / t for name, (work, t) in totals.items() if t}
    shown.append(["all", sum(layer.times for layer in work)] + [rates.get(name) for name in columns])
    print(f"\nbatch {batch}, GMAC/s")
    table(["layer", "times", *columns], shown)
    for name, (_, t) in totals.items():
        rows.append({"batch": batch, "layer": "all", "name": name, "median_s": t})
    for kind in packed:
        for mine, theirs in ((f"ours {kind}", ALONE), (f"ours {kind} in a row", IN_A_ROW)):
            if mine in rates and theirs in rates:
                print(f"{mine} / {theirs}: {rates[mine] / rates[theirs]:.2f}")
    return ours


def main():
    p = parser(__doc__)
    p.add_argument("--shapes", default="resnet-18", help="a list of ../Shapes, or a file")
    p.add_argument("--batch", type=int, nargs="+", default=[1])
    p.add_argument("--widths", nargs="+", default=["w8a8"], help="bits of ours on packed codes")
    p.add_argument("--calls", type=int, default=16, help="calls in a row")
    options = p.parse_args()
    work, rows = layers(options.shapes), []
    for batch in options.batch:
        ours = measure(options, batch, work, rows)
    finish(options, ours, rows)


if __name__ == "__main__":
    main()
