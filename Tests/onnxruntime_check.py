"""Files that qtool writes, in ONNX Runtime: do they load, and does it compute what qtool computes?

The example network is quantized for every target; each file is run by ONNX Runtime at its default
optimization and by `qtool run` on the same test images. Where ONNX Runtime computes in integers the outputs
must have the same bits. With 4-bit weights it fuses no operators of the `qdq` target: there the sums of floats
are rounded in another order, which may move an output by a step of the last quantizer, so what is compared is
the share of equal answers. The float network is compared within the error of its sums. ONNX's own checker must
accept every file.

usage: onnxruntime_check.py QTOOL [--images DIRECTORY] [--count 256]
"""
import argparse
import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "Examples" / "fashion-mnist" / "model.onnx"


def images(folder, part, count):
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "rb") as file:
        raw = file.read(16 + 784 * count)
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255)


def in_onnxruntime(model, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def in_qtool(qtool, model, x, folder):
    np.save(folder / "x.npy", x)
    run(qtool, "run", model, "--input", f"image={folder / 'x.npy'}", "--output-dir", folder / "out", "--overwrite",
        "--device", "reference")
    return np.load(folder / "out" / "logits.npy")


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"onnxruntime check: {' '.join(map(str, command))}\nended with {result.returncode}: {result.stderr}")


def last_scale(model):
    """A step of the output's grid: the scale of the DequantizeLinear that writes the output."""
    scales = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    last = next(n for n in model.graph.node if model.graph.output[0].name in n.output)
    return float(np.max(scales[last.input[1]])) if last.op_type == "DequantizeLinear" else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("qtool", type=Path)
    parser.add_argument("--images", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--count", type=int, default=256)
    options = parser.parse_args()
    x = images(options.images, "t10k", options.count)
    failed = 0

    def check(name, ok, text):
        nonlocal failed
        failed += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {name}: {text}", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        expected = in_onnxruntime(MODEL, x)
        found = in_qtool(options.qtool, MODEL, x, folder)
        # Two sums of K products in different orders differ by at most 2 K eps sum|products|; this network's
        # longest sum has 288 products, and its logits' products add up to less than 100.
        bound = 2 * 288 * 2.0 ** -24 * 100
        check("float", np.abs(expected - found).max() <= bound, f"largest difference {np.abs(expected - found).max():.2e}")
        data = f"{options.images / 'train-images-idx3-ubyte.gz'}?scale=1/255&limit=16"
        for target in ("ort-cpu", "qdq", "qoperator"):
            for preset in ("w8a8", "w4a8"):
                name, path = f"{preset} {target}", folder / f"{preset}-{target}.onnx"
                run(options.qtool, "quantize", MODEL, "--data", data, "--preset", preset, "--target", target, "-o", path,
                    "--device", "reference", "-q")
                onnx.checker.check_model(str(path), full_check=True)
                theirs = in_onnxruntime(path, x)
                ours = in_qtool(options.qtool, path, x, folder)
                equal = float((theirs.argmax(1) == ours.argmax(1)).mean())
                step = last_scale(onnx.load(path))
                largest = float(np.abs(theirs - ours).max())
                distance = f"{largest / step:.1f} steps" if step else f"{largest:.2e}"
                kept = float((theirs.argmax(1) == expected.argmax(1)).mean())
                # A step may move an answer whose two largest outputs are one step apart: one image of all at most.
                integer = (preset, target) != ("w4a8", "qdq")
                same = largest == 0 if integer else equal * options.count >= options.count - 1
                check(name, same and kept >= 0.85,
                      f"equal answers {100 * equal:.1f} %, same as float {100 * kept:.1f} %, outputs differ by at most "
                      f"{distance}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
