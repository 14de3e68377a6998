#!/usr/bin/env python3
"""Runs ONNX's own node tests through `qtool run --input-set` and compares the outputs with the expected ones.

The cases come from the `onnx` 1.22.0 wheel, the last that ships them as files; it is installed into a virtual
environment in the cache when it is not there, or taken from the folder that --cases names (with `node/` in it).
Tolerances are onnx's: relative 1e-3, absolute 1e-7; bfloat16 2^-6; everything that is not a float is equal.

A case is taken when all of its operators are in OPERATORS below. Cases that are known not to pass stand in
conformance-exceptions.txt with the reason. A case that fails and is not listed there is a failure, and so is one
that is listed and passes. Random expected outputs (dropout in training) and inputs that are no tensors are left out.

examples: Tests/conformance.py .build/release/qtool --device reference
          Tests/conformance.py .build/release/qtool --device 0 --only 'test_qlinear*' --one-by-one
"""
import argparse
import collections
import fnmatch
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lowbit" / "onnx-1.22.0"

# Operators of convolutional networks, transformers and quantization.
OPERATORS = set("""
QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul ConvInteger MatMulInteger
Conv ConvTranspose MatMul Gemm MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool
BatchNormalization InstanceNormalization LayerNormalization GroupNormalization RMSNormalization LRN LpNormalization
MeanVarianceNormalization
Add Sub Mul Div Pow Sqrt Reciprocal Exp Log Neg Abs Sign Floor Ceil Round Min Max Mean Sum Mod Erf Sin Cos Tanh
Relu LeakyRelu PRelu Elu Selu Celu Clip Sigmoid HardSigmoid HardSwish Swish Softplus Softsign Mish Gelu ThresholdedRelu
Softmax LogSoftmax Hardmax ArgMax ArgMin TopK CumSum Trilu
Concat Reshape Transpose Flatten Squeeze Unsqueeze Slice Split Gather GatherElements GatherND ScatterND ScatterElements
Expand Tile Pad Resize Upsample DepthToSpace SpaceToDepth Shape Size Identity Cast CastLike Constant ConstantOfShape Range
Where Equal Greater Less GreaterOrEqual LessOrEqual And Or Not Xor Dropout OneHot Einsum NonZero IsNaN IsInf
Acos Acosh Asin Asinh Atan Atanh Cosh Sinh Tan BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor
ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp
Attention RotaryEmbedding
""".split())


def import_onnx(cases):
    """The folder of cases, with `onnx` and numpy importable; starts again in the cache's environment if need be."""
    try:
        import numpy  # noqa: F401
        import onnx
        found = Path(onnx.__file__).parent / "backend/test/data"
        if cases or (found / "node").is_dir():
            return Path(cases) if cases else found
    except ImportError:
        pass
    python = CACHE / "bin/python"
    if Path(sys.prefix).resolve() == CACHE.resolve():
        sys.exit("the onnx in the cache's environment has no cases; --cases names a folder that has")
    if not python.exists():
        print(f"installing onnx 1.22.0 into {CACHE}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", CACHE], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "onnx==1.22.0"], check=True)
    os.execv(python, [str(python), *sys.argv])


def operators(graph):
    """The operators of a graph and of the graphs in its attributes."""
    found = set()
    for node in graph.node:
        found.add(node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}")
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                found |= operators(inner)
    return found


def choose(root, only, everything):
    """{case name: operator, or "composed"}"""
    import onnx
    chosen = {}
    for case in sorted((root / "node").iterdir()):
        if only and not fnmatch.fnmatch(case.name, only) or not (case / "model.onnx").exists():
            continue
        if "training_dropout" in case.name and "zero_ratio" not in case.name:
            continue
        graph = onnx.load(case / "model.onnx").graph
        names = operators(graph)
        if not (everything or names <= OPERATORS):
            continue
        if any(v.type.WhichOneof("value") != "tensor_type" for v in [*graph.input, *graph.output]):
            continue
        single = len(names) == 1 and not re.search(r"_expanded(_|$)", case.name)
        chosen[case.name] = min(names) if single else "composed"
    return chosen


def run_jobs(qtool, device, jobs, folder):
    """[(exit status, message)] of `qtool run` for jobs (model, input set, output folder), in one process each time it
    survives them all."""
    outcomes = []
    while len(outcomes) < len(jobs):
        listing = Path(folder) / "jobs.tsv"
        listing.write_text("".join("\t".join(map(str, job)) + "\n" for job in jobs[len(outcomes):]))
        command = [*qtool, "run", "--jobs", str(listing)] + (["--device", device] if device else [])
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        before = len(outcomes)
        for line in done.stdout.splitlines():
            status, _, message = line.split("\t", 2)
            outcomes.append((int(status), message))
        if done.returncode and len(outcomes) == before and before == 0 and done.returncode > 0:
            sys.exit(f"{shlex.join(command)} ends with {done.returncode}: {done.stderr.strip()}")
        if len(outcomes) < len(jobs):
            last = (done.stderr.strip().splitlines() or [""])[-1]
            outcomes.append((done.returncode, f"qtool ended: {last}"))
    return outcomes


def run_one_by_one(qtool, device, jobs):
    """The same, a process a job, by the public form of the command."""
    for model, data, target in jobs:
        command = [*qtool, "run", str(model), "--input-set", str(data), "--output-dir", str(target)]
        done = subprocess.run(
            command + (["--device", device] if device else []), capture_output=True, text=True, errors="replace")
        yield done.returncode, " ".join(done.stderr.split())


def same_type(got, expected):
    """`got` as an array of expected's type, or None. Types that NumPy lacks come as integers or as wider numbers."""
    if got.dtype == expected.dtype:
        return got
    if expected.dtype.kind in "biufc" and type(expected.dtype).__module__.startswith("numpy"):
        return None
    if "int" in expected.dtype.name:
        return got.astype(expected.dtype) if got.dtype.kind in "iu" else None
    return got.astype(expected.dtype) if got.dtype.kind == "f" else None


def difference(got, expected):
    """None when equal within the tolerances, else what is wrong."""
    import numpy as np
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    given, got = got.dtype, same_type(got, expected)
    if got is None:
        return f"type {given}, expected {expected.dtype}"
    if expected.dtype.kind in "USTObiu" or "int" in expected.dtype.name:
        wrong = int((got != expected).sum())
        return f"{wrong} of {expected.size} values differ" if wrong else None
    relative = 2 ** -6 if expected.dtype.name == "bfloat16" else 1e-3
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    close = np.isclose(got, expected, rtol=relative, atol=1e-7, equal_nan=True)
    if close.all():
        return None
    with np.errstate(all="ignore"):
        worst = np.nanmax(np.abs(got - expected))
    return f"{int((~close).sum())} of {expected.size} values off, worst by {worst:.3g}"


def compare(case, data, target):
    """What is wrong with the outputs of a case, or None."""
    import numpy as np
    import onnx
    from onnx import numpy_helper
    for index, output in enumerate(onnx.load(case / "model.onnx").graph.output):
        expected, file = data / f"output_{index}.pb", target / f"{output.name}.npy"
        if not expected.exists():
            continue
        if not file.exists():
            return f"no {file.name}"
        proto = onnx.TensorProto.FromString(expected.read_bytes())
        wrong = difference(np.load(file), numpy_helper.to_array(proto))
        if wrong:
            return f"output '{output.name}': {wrong}"
    return None


def read_exceptions(path):
    """[(pattern, reason)] of lines `pattern: reason`."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    pairs = [line.partition(":") for line in lines if line and not line.startswith("#")]
    return [(pattern.strip(), reason.strip()) for pattern, _, reason in pairs]


def run(options, root, chosen):
    """{case: None when it passes, else the reason}"""
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs, of_case = [], []
        for name in chosen:
            for data in sorted((root / "node" / name).glob("test_data_set_*")):
                jobs.append((root / "node" / name / "model.onnx", data, Path(folder) / f"{name}.{data.name}"))
                of_case.append(name)
        qtool = shlex.split(options.qtool)
        results = (run_one_by_one(qtool, options.device, jobs) if options.one_by_one
                   else run_jobs(qtool, options.device, jobs, folder))
        for name, (model, data, target), (status, message) in zip(of_case, jobs, results):
            wrong = f"exit status {status}: {message}" if status else compare(model.parent, data, target)
            outcomes[name] = outcomes.get(name) or wrong
    return outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("qtool", help="the command; words are split as in a shell")
    parser.add_argument("--device", help="as qtool's option")
    parser.add_argument("--cases", metavar="FOLDER", help="onnx's backend/test/data instead of the wheel's")
    parser.add_argument("--only", metavar="GLOB", help="names of cases")
    parser.add_argument("--all", action="store_true", help="cases of every operator")
    parser.add_argument("--one-by-one", action="store_true", help="a process a case")
    parser.add_argument("--exceptions", type=Path, default=HERE / "conformance-exceptions.txt")
    options = parser.parse_args()

    root = import_onnx(options.cases)
    chosen = choose(root, options.only, options.all)
    if not chosen:
        sys.exit("no case chosen")
    exceptions = read_exceptions(options.exceptions)
    outcomes = run(options, root, chosen)

    table = collections.defaultdict(collections.Counter)
    failed = passed = listed = 0
    for name, wrong in outcomes.items():
        reason = next((reason for pattern, reason in exceptions if fnmatch.fnmatch(name, pattern)), None)
        table[chosen[name]]["passed" if wrong is None else "listed" if reason else "failed"] += 1
        passed += wrong is None
        if wrong and reason:
            listed += 1
            print(f"listed  {name}: {reason} ({wrong[:160]})")
        elif wrong or reason:
            failed += 1
            print(f"FAILED  {name}: {wrong or 'passes, but is listed: ' + reason}")
    print(f"{'operator':26s} passed  listed  failed")
    for operator in sorted(table, key=lambda key: (key == "composed", key)):
        row = table[operator]
        print(f"{operator:26s} {row['passed']:6d}  {row['listed']:6d}  {row['failed']:6d}")
    print(f"{len(outcomes)} cases; {listed} of them are known not to pass ({options.exceptions.name})")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
