"""Accuracy of a network in few bits, by the way it got there: quantized without training, and trained by every schedule.

    schedules.py --qtool qtool --network example --models Examples/fashion-mnist \\
        --data /usr/share/datasets/fashion-mnist --output results.json

What is run stands in schedules.toml: networks with their data, widths, methods, ablations. Every method sees the
same number of epochs. A run that is in the output file already is not run again, so that a study that was stopped
goes on, and rows can be added. --table prints the results as Markdown, mean and spread over the seeds. --only runs
the methods named, --seeds how many seeds. Needs Python 3.11 and nothing else.
"""
import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import tomllib


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qtool", default="qtool")
    parser.add_argument("--plan", type=pathlib.Path, default=pathlib.Path(__file__).with_name("schedules.toml"))
    parser.add_argument("--network", required=True)
    parser.add_argument("--models", default=".", help="the folder of {models} in the plan")
    parser.add_argument("--data", default=".", help="the folder of {data} in the plan")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--widths", nargs="*")
    parser.add_argument("--only", nargs="*", help="methods")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for models and run folders")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    return parser.parse_args()


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise RuntimeError(f"{shlex.join(command)}: {lines[-1]}")
    return result.stdout


class Study:
    """The runs of one network, and the file that has their results."""

    def __init__(self, options):
        self.options = options
        self.plan = tomllib.loads(options.plan.read_text())
        if options.network not in self.plan["network"]:
            sys.exit(f"{options.plan}: no network '{options.network}'")
        folders = {"models": options.models, "data": options.data}
        self.network = {key: value.format(**folders) if isinstance(value, str) else value
                        for key, value in self.plan["network"][options.network].items()}
        self.results = json.loads(options.output.read_text()) if options.output.exists() else {}

    def rows(self):
        """(method, width, seed) of everything that is asked for; methods without training have no seed."""
        for width in self.options.widths or self.network.get("widths", self.plan["width"]):
            for name, method in self.plan["method"].items():
                if self.options.only and name not in self.options.only:
                    continue
                if method.get("extra") and not self.options.only:
                    continue
                if (width == "float") != (name == "float"):
                    continue
                for seed in range(self.options.seeds if method["command"] == "train" else 1):
                    yield name, width, seed

    def command(self, name, width, seed, output):
        method = self.plan["method"][name]
        command = [self.options.qtool, method["command"], self.network["model"], "--data",
                   self.network["calibration"] if method["command"] == "quantize" else self.network["train"]]
        if method["command"] == "train":
            command += shlex.split(self.network["training"]) + ["--seed", str(seed)]
        if width != "float":
            command += shlex.split(self.plan["width"][width])
        return command + shlex.split(method.get("options", "")) + ["-q", "--overwrite", "-o", str(output)]

    def portable(self, command):
        """A command as somebody else would give it."""
        output = command[-1]
        text = shlex.join(["qtool", *command[1:-1], pathlib.Path(output).name])
        return text.replace(self.options.models, "MODELS").replace(self.options.data, "DATA")

    def measure(self, model):
        text = run([self.options.qtool, "evaluate", str(model), "--data", self.network["test"], "--json", "-q"])
        return json.loads(text)["top1"]

    def go(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = self.options.keep or pathlib.Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            for name, width, seed in self.rows():
                key = f"{width}/{name}/{seed}"
                if key in self.results:
                    continue
                output = folder / (key.replace("/", "-") + ".onnx")
                command = self.command(name, width, seed, output)
                try:
                    run(command)
                    top1 = self.measure(output)
                except RuntimeError as error:
                    print(f"{key}: {error}", file=sys.stderr)
                    continue
                self.results[key] = {"top1": top1, "command": self.portable(command)}
                print(f"{key}: {top1:.2f}", flush=True)
                self.options.output.write_text(json.dumps(self.results, indent=1) + "\n")

    def table(self):
        widths = [width for width in self.plan["width"] if any(key.startswith(width + "/") for key in self.results)]
        print("| method | " + " | ".join(widths) + " |\n|---|" + "---|" * len(widths))
        for name in self.plan["method"]:
            cells = []
            for width in widths:
                values = [value["top1"] for key, value in self.results.items() if key.startswith(f"{width}/{name}/")]
                cells.append("" if not values else f"{statistics.mean(values):.1f}" if len(values) == 1 else
                             f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}")
            if any(cells):
                print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    options = arguments()
    study = Study(options)
    if not options.table:
        study.go()
    study.table()


if __name__ == "__main__":
    main()
