#!/usr/bin/env python3
"""Compares qtool signal with other software: signalling_check.py QTOOL MODEL.onnx FOLDER

Needs ffmpeg, x265 and libde265-dec265 in the path and the wheels of Tests/requirements-signalling.txt.
Streams are made here, of a test picture. MODEL is a float model with one input channel.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

import av
import imageio_ffmpeg
import numpy
from nncodec.nnc_core import coder, nnr_model

QTOOL, MODEL, FOLDER = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
NEWER_FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()  # Debian's has no decoder of VVC.
UUID = bytes.fromhex("766957ad2cb58f69b5a8136e4e3431e8")
FORMATS = {"hevc": "ffmpeg", "vvc": NEWER_FFMPEG}
failures = 0


def check(name, holds, detail=""):
    global failures
    failures += not holds
    print(f"{'ok  ' if holds else 'FAIL'} {name}{': ' + str(detail) if detail else ''}")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def qtool(*arguments):
    return run(QTOOL, *arguments)


def report(*arguments):
    done = subprocess.run([QTOOL, *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{arguments}: {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


# --- Streams, read by ffmpeg's trace_headers ---------------------------------------------------


def units(stream):
    """NAL units without start codes."""
    return [part.rstrip(b"\0") for part in re.split(b"\0\0\1", stream)[1:]]


def messages(unit):
    """(type, payload) of the messages of an SEI NAL unit, emulation prevention taken out here."""
    data = re.sub(b"\0\0\3", b"\0\0", unit[2:])
    found, place = [], 0
    while data[place:] != b"\x80":
        numbers = []
        for _ in range(2):
            number = 0
            while data[place] == 255:
                number, place = number + 255, place + 1
            numbers.append(number + data[place])
            place += 1
        found.append((numbers[0], data[place : place + numbers[1]]))
        place += numbers[1]
    return found


def traced(codec, stream):
    """What trace_headers reads: (type, payload) of SEI messages, and the extension bits of each APS."""
    text = run(FORMATS[codec], "-v", "trace", "-f", codec, "-i", stream, "-c", "copy", "-bsf:v", "trace_headers",
               "-f", "null", "-")
    found, sets, number = [], [], 0
    for line in text.splitlines():
        match = re.search(r"\] \d+ +(\S+?)(?:\[\d+\])* +[01]+ = (-?\d+)$", line)
        if not match:
            continue
        name, value = match[1], int(match[2])
        if name == "last_payload_type_byte":
            number = value
        elif name == "last_payload_size_byte":
            found.append((number, bytearray()))
        elif found and re.match(r"uuid_iso_iec_11578|user_data_payload_byte|payload_byte", name):
            found[-1][1].append(value)
        elif name == "aps_params_type":
            sets.append([])
        elif name == "extension_data" and sets:
            sets[-1].append(value)
    return [(number, bytes(payload)) for number, payload in found], sets


def bits(data):
    return [byte >> place & 1 for byte in data for place in range(7, -1, -1)]


def check_stream(codec, carrier, model):
    base, signalled = FOLDER / f"base.{codec}", FOLDER / f"{carrier}.{codec}"
    qtool("signal", "mux", model, base, "--carrier", carrier, "--overwrite", "-o", signalled)
    before, after = base.read_bytes(), signalled.read_bytes()
    own = [unit for unit in units(after) if unit not in units(before)]
    name = f"{codec}, {carrier}"
    expected = [message for message in messages(own[-1])]
    found, sets = traced(codec, signalled)
    check(f"{name}: trace_headers reads our messages to the byte",
          all(message in found for message in expected), f"{[(t, len(p)) for t, p in expected]}")
    if carrier == "aps":
        alone = FOLDER / "alone.bit"
        qtool("signal", "encode", model, "--codec", codec, "--overwrite", "-o", alone)
        content = messages(units(alone.read_bytes())[-1])[0][1]
        check(f"{name}: trace_headers reads the parameter set's bits", bits(content) in sets,
              f"{8 * len(content)} bits")
    stripped = FOLDER / "stripped"
    qtool("signal", "strip", signalled, "--overwrite", "-o", stripped)
    check(f"{name}: what is stripped is the original", stripped.read_bytes() == before)
    pictures = [run(FORMATS[codec], "-v", "error", "-f", codec, "-i", file, "-f", "md5", "-")
                for file in (base, signalled)]
    check(f"{name}: ffmpeg decodes the same pictures", pictures[0] == pictures[1], pictures[0].strip())
    if codec == "hevc":
        check_hevc(base, signalled, expected, pictures[0])
    return len(after) - len(before)


def check_hevc(base, signalled, expected, picture):
    decoded = []
    for file in (base, signalled):
        run("libde265-dec265", "-q", "-o", FOLDER / "pictures.yuv", file)
        decoded.append((FOLDER / "pictures.yuv").read_bytes())
    check("hevc: libde265 decodes the same pictures", decoded[0] == decoded[1], f"{len(decoded[0])} bytes")
    digest = run("md5sum", FOLDER / "pictures.yuv").split()[0]
    check("hevc: libde265 and ffmpeg agree", digest in picture)
    filtered = FOLDER / "filtered.hevc"
    run("ffmpeg", "-v", "error", "-y", "-i", signalled, "-c", "copy", "-bsf:v", "filter_units=remove_types=39",
        "-f", "hevc", filtered)
    check("hevc: ffmpeg's filter_units leaves the original's units",
          units(filtered.read_bytes()) == [unit for unit in units(base.read_bytes()) if unit[0] >> 1 != 39])
    copied = FOLDER / "copied.hevc"
    run("ffmpeg", "-v", "error", "-y", "-i", signalled, "-c", "copy", "-f", "hevc", copied)
    check("hevc: our messages survive ffmpeg's copy",
          report("signal", "decode", copied) == report("signal", "decode", signalled))
    with av.open(str(signalled)) as container:
        frame = next(container.decode(video=0))
        data = [bytes(side) for side in frame.side_data if side.type.name == "SEI_UNREGISTERED"]
    check("hevc: PyAV hands over our message", expected[0][1] in data, f"{len(expected[0][1])} bytes")


# --- Tensors, coded by nncodec ------------------------------------------------------------------


def nncodec_decode(stream):
    info = {"parameter_type": {}, "parameter_dimensions": {}, "parameter_index": {}, "block_identifier": {},
            "topology_storage_format": None, "topology_compression_format": None,
            "performance_map_flags": collections.defaultdict(dict)}
    return coder.decode(bytearray(stream), info)["parameters"]


def nncodec_encode(tensors):
    names = list(tensors)
    info = {"parameter_index": {name: place for place, name in enumerate(names)},
            "parameter_dimensions": {name: list(tensor.shape) for name, tensor in tensors.items()},
            "parameter_type": {name: "weight" for name in names}, "block_identifier": {},
            "topology_storage_format": nnr_model.TopologyStorageFormat.NNR_TPL_UNREC,
            "topology_compression_format": nnr_model.TopologyCompressionFormat.NNR_PT_RAW}
    data = {"approx_method": {name: "skip" for name in names}, "parameters": dict(tensors), "qp": {},
            "dq_flag": {name: 0 for name in names}, "compressed_parameter_types": {}, "codebooks": {},
            "scan_order": {name: 0 for name, tensor in tensors.items() if tensor.ndim > 1},
            "qp_density": 2, "quantization_parameter": 0}
    settings = {"cabac_unary_length_minus1": 10, "param_opt_flag": 1, "general_profile_idc": 0}
    return bytes(coder.encode(settings, info, data)[0])


def our_tensors(stream):
    found = report("signal", "inspect", stream, "--values")["tensors"]
    return {tensor["name"]: numpy.array(tensor["values"], dtype=numpy.int32).reshape(tensor["shape"])
            for tensor in found}


def check_tensors(model):
    ours = FOLDER / "ours.nnr"
    qtool("signal", "encode", model, "--tensors", ours, "--overwrite", "-o", FOLDER / "alone.bit")
    tensors = our_tensors(ours)
    decoded = nncodec_decode(ours.read_bytes())
    check(f"{model.name}: nncodec decodes our tensors exactly",
          decoded.keys() == tensors.keys()
          and all(numpy.array_equal(decoded[name].reshape(tensor.shape), tensor)
                  for name, tensor in tensors.items()), f"{len(tensors)} tensors")
    theirs = FOLDER / "theirs.nnr"
    theirs.write_bytes(nncodec_encode(tensors))
    again = our_tensors(theirs)
    check(f"{model.name}: we decode nncodec's tensors exactly",
          again.keys() == tensors.keys() and all(numpy.array_equal(again[name], tensors[name]) for name in tensors))
    sizes = ours.stat().st_size, theirs.stat().st_size
    check(f"{model.name}: at most a tenth larger than nncodec's", sizes[0] <= 1.1 * sizes[1],
          f"ours {sizes[0]} bytes, nncodec's {sizes[1]}, {100 * sizes[0] / sizes[1] - 100:+.1f} %")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    video = FOLDER / "video.y4m"
    run("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10", "-frames:v", 8,
        "-pix_fmt", "yuv420p", video)
    run("x265", "--input", video, "--preset", "ultrafast", "--qp", 32, "--keyint", 4, "--no-info", "-o",
        FOLDER / "base.hevc")
    run(NEWER_FFMPEG, "-v", "error", "-y", "-i", video, "-c:v", "libvvenc", "-preset", "faster", "-qp", 37,
        FOLDER / "base.vvc")
    models = {}
    for name, options in {"w8a8": ["--preset", "w8a8"], "w4a8": ["--preset", "w4a8"],
                          "qdq": ["--preset", "w4a4", "--target", "qdq"],
                          "shift": ["--scheme", "shift", "--target", "qoperator"]}.items():
        models[name] = FOLDER / f"{name}.onnx"
        qtool("quantize", MODEL, "--data", "random:32", "--device", "reference", "--overwrite", *options, "-o",
              models[name])
        qtool("signal", "encode", models[name], "--overwrite", "-o", FOLDER / "alone.bit")
        received = FOLDER / "received.onnx"
        qtool("signal", "decode", FOLDER / "alone.bit", "--base", models[name], "--overwrite", "-o", received)
        check(f"{name}.onnx: decoded to the same bytes", received.read_bytes() == models[name].read_bytes())
        check_tensors(models[name])
    for codec, carrier in [("hevc", "sei"), ("vvc", "sei"), ("vvc", "aps")]:
        check_stream(codec, carrier, models["w4a8"])
    print(f"{failures} failed" if failures else "all hold")
    sys.exit(failures > 0)


main()
