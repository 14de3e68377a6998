"""ONNX Runtime's `quantize_static` as a command, so that its time and memory can be taken as ours are.

    onnxruntime_quantizer.py MODEL SAMPLES.npy OUTPUT --method MinMax|Percentile|Entropy [--per-channel]

The file has QuantizeLinear and DequantizeLinear, uint8 activations and int8 weights. `Entropy` gets 2048 bins: with the
128 of its default it has one threshold to choose from and is MinMax.
"""
import argparse
import functools
import logging
import pathlib
import tempfile

import numpy as np
import onnx
import onnx.version_converter
from onnxruntime import quantization
from onnxruntime.quantization import calibrate
from onnxruntime.quantization.shape_inference import quant_pre_process

logging.disable(logging.WARNING)


class Reader(quantization.CalibrationDataReader):
    def __init__(self, model, samples):
        source = model.graph.input[0]
        fixed = source.type.tensor_type.shape.dim[0].dim_value
        batch = fixed or 10
        count = len(samples) // fixed * fixed if fixed else len(samples)
        if count < len(samples):
            print(f"left out: {len(samples) - count} samples that fill no batch of {fixed}")
        self.batches = ({source.name: samples[i:i + batch]} for i in range(0, count, batch))

    def get_next(self):
        return next(self.batches, None)


def upgraded(path):
    """Of operator set 13 at least, with no initializer among the inputs: what the quantizer asks for."""
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in [value for value in model.graph.input if value.name in constants]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, 7)
    if next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) < 13:
        model = onnx.version_converter.convert_version(model, 13)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("samples")
    parser.add_argument("output")
    parser.add_argument("--method", default="MinMax")
    parser.add_argument("--per-channel", action="store_true")
    options = parser.parse_args()
    calibrate.EntropyCalibrater.__init__ = functools.partialmethod(
        calibrate.EntropyCalibrater.__init__, num_bins=2048, num_quantized_bins=128)
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared = pathlib.Path(folder) / "plain.onnx", pathlib.Path(folder) / "prepared.onnx"
        model = upgraded(options.model)
        onnx.save(model, plain)
        try:
            quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        except Exception as error:  # it is optional
            print(f"not prepared: {error}")
            prepared = plain
        quantization.quantize_static(
            prepared, options.output, Reader(model, np.load(options.samples, mmap_mode="r")),
            quant_format=quantization.QuantFormat.QDQ, per_channel=options.per_channel,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod[options.method])


if __name__ == "__main__":
    main()
