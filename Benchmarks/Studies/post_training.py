"""Accuracy, time and memory of quantization without training: ours and ONNX Runtime's, on the same samples.

    post_training.py --qtool qtool --network mobilenet --models MODELS --data DATA --output results.json

Networks, widths and methods stand in post_training.toml. Calibration samples are spread evenly over a network's data; the
others are scored, unless there are data for tests. Where data are few there are folds: each part of them calibrates once, the
others are scored, and the mean is kept. Every file is scored in ONNX Runtime. Time and peak memory are those of
the whole quantizing process. A method that is in the output file already is not run again; --again runs it all the same.
Needs numpy, Pillow, onnx and onnxruntime.
"""
import argparse
import json
import math
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

import numpy as np

import samples
import scores

FOLDER = pathlib.Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qtool", default="qtool")
    parser.add_argument("--plan", type=pathlib.Path, default=FOLDER / "post_training.toml")
    parser.add_argument("--network", required=True)
    parser.add_argument("--models", default="models", help="the folder of {models} in the plan")
    parser.add_argument("--data", default="data", help="the folder of {data} in the plan")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--widths", nargs="*")
    parser.add_argument("--only", nargs="*", help="methods")
    parser.add_argument("--again", action="store_true", help="run what is in the output file, too")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    return parser.parse_args()


def measured(command):
    """Runs a command: (seconds, peak memory in MiB)."""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
            raise RuntimeError(f"{shlex.join(map(str, command))}: {lines[-1]}")
    return seconds, usage.ru_maxrss / 1024


class Study:
    """The files of one network, and the results of all that ran."""

    def __init__(self, options):
        self.options = options
        self.plan = tomllib.loads(options.plan.read_text())
        if options.network not in self.plan["network"]:
            sys.exit(f"{options.plan}: no network '{options.network}'")
        self.network = self.plan["network"][options.network]
        self.model = self.placed(self.network["model"])
        self.results = json.loads(options.output.read_text()) if options.output.exists() else {}
        if self.results.setdefault("network", options.network) != options.network:
            sys.exit(f"{options.output}: has results of '{self.results['network']}'")

    def placed(self, text):
        return text.format(models=self.options.models, data=self.options.data)

    def table(self, name):
        return {**self.network[name], "path": self.placed(self.network[name]["path"])}

    def rows(self):
        for width, programs in self.plan["width"].items():
            if self.options.widths and width not in self.options.widths:
                continue
            for name, method in self.plan["method"].items():
                if method["program"] not in programs or width not in method.get("widths", [width]):
                    continue
                if name in self.options.only if self.options.only else not method.get("extra"):
                    yield width, name, shlex.split(programs[method["program"]] + " " + method["options"])

    def command(self, program, words, calibration, output):
        if program == "qtool":
            return [self.options.qtool, "quantize", self.model, "--data", calibration, *words, "--seed", "0",
                    "-q", "--overwrite", "-o", output]
        return [sys.executable, FOLDER / "onnxruntime_quantizer.py", self.model, calibration, output, *words]

    def portable(self, command, folder):
        """A command as somebody else would give it."""
        text = shlex.join(map(str, command))
        for given, name in [(f"{folder}/", ""), (f"{FOLDER}/", ""), (f"{self.options.models}/", "MODELS/"),
                            (f"{self.options.data}/", "DATA/"), (f"{self.options.qtool} ", "qtool "),
                            (f"{sys.executable} ", "python3 ")]:
            text = text.replace(given, name)
        return text

    def parts(self):
        """(calibration, test) samples, once or for every fold."""
        data = samples.read(self.table("data"))
        if "folds" in self.network:
            return data.folds(self.network["folds"])
        calibration, test = data.apart(self.network["calibrate"])
        return [(calibration, samples.read(self.table("test")) if "test" in self.network else test)]

    def go(self):
        runtime, kind, folds = scores.session(self.model), scores.SCORES[self.network["score"]], []
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for number, (calibration, test) in enumerate(self.parts()):
                (folder / f"{number}").mkdir()
                np.save(folder / f"{number}/calibration.npy", calibration.inputs)
                folds.append((folder / f"{number}", kind(runtime, test)))
            self.keep("float", [score.of(runtime) for _, score in folds])
            for width, name, words in self.rows():
                if f"{width}/{name}" in self.results and not self.options.again:
                    continue
                try:
                    self.keep(f"{width}/{name}", [self.fold(width, name, words, *fold) for fold in folds])
                except Exception as error:  # a peer that cannot quantize a model is a result, too
                    self.keep(f"{width}/{name}", [{"error": str(error).replace(str(folder), ".")[-300:]}])

    def fold(self, width, name, words, folder, score):
        output = folder / f"{width}-{name}.onnx"
        command = self.command(self.plan["method"][name]["program"], words, folder / "calibration.npy", output)
        seconds, memory = measured(command)
        result = score.of(scores.session(output))
        return {**result, "seconds": seconds, "peak_mib": memory, "bytes": output.stat().st_size,
                "command": self.portable(command, folder)}

    def keep(self, key, folds):
        """Means of what every fold gave; counts of faces are sums."""
        result = {}
        for name, value in folds[0].items():
            values = [fold[name] for fold in folds]
            if math.inf in values:  # a model against itself
                continue
            sums = name in ("faces", "of", "others")
            result[name] = value if isinstance(value, str) else sum(values) if sums else round(statistics.mean(values), 3)
        self.results[key] = result
        print(f"{key}: {self.cell(result)}", flush=True)
        self.options.output.write_text(json.dumps(self.results, indent=1) + "\n")

    def cell(self, result):
        if "error" in result:
            return "fails"
        if "top1" in result:
            noise = f" {result['sqnr']:.1f}" if "sqnr" in result else ""
            return f"{result['top1']:.1f} ({result['agreement']:.1f}){noise}"
        return f"{result['psnr']:.2f} dB" if "psnr" in result else f"{result['faces']} of {result['of']}"

    def show(self):
        widths = [width for width in self.plan["width"] if any(key.startswith(width + "/") for key in self.results)]
        print(f"\n| {self.cell(self.results['float'])} | " + " | ".join(widths) + " |\n|---|" + "---|" * len(widths))
        for name in self.plan["method"]:
            found = [self.results.get(f"{width}/{name}") for width in widths]
            if any(found):
                print(f"| {name} | " + " | ".join("" if cell is None else self.cell(cell) for cell in found) + " |")


def main():
    options = arguments()
    study = Study(options)
    if not options.table:
        study.go()
    study.show()


if __name__ == "__main__":
    main()
