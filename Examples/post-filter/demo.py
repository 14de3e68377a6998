#!/usr/bin/env python3
"""A post-filter in a video bitstream, from pictures to a rate-distortion table: demo.py QTOOL OUT [QP ...]

Pans over a photograph, codes the sequence with x265, gives the filter's tensors their bits, overfits it to the
sequence, signals base and update, and filters in a process that has the stream and the decoded pictures alone.
Every signalled byte is charged. OUT/index.html shows the result. Needs ffmpeg, x265 and, for the photograph, pip.
"""

import base64
import hashlib
import html
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
QTOOL, OUT = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
PARAMETERS = [int(text) for text in sys.argv[3:]] or [32, 37, 42]
WIDTH, HEIGHT, PICTURES, EPOCHS = 256, 192, 32, 6
WHEEL = "scikit-image==0.25.2"
PHOTOGRAPH = "skimage/data/chelsea.png"  # CC0, Stefan van der Walt


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True)
    if done.returncode:
        sys.exit(f"demo: {' '.join(map(str, command))}: {done.returncode}\n{done.stderr.decode()[-2000:]}")
    return done.stdout


def qtool(*arguments):
    return json.loads(run(QTOOL, *arguments, "--json", "-q"))


def signal(*arguments):
    return qtool("signal", *arguments, "--overwrite")


def photograph():
    """A photograph whose licence is known, out of a Python package."""
    path = OUT / "photograph.png"
    if not path.exists():
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", OUT, WHEEL)
        with zipfile.ZipFile(next(OUT.glob("scikit_image*.whl"))) as wheel:
            path.write_bytes(wheel.read(PHOTOGRAPH))
    return path


def sequence():
    """A window that moves over the photograph, two samples right and one down a picture."""
    path = OUT / "original.y4m"
    run("ffmpeg", "-v", "error", "-y", "-loop", 1, "-framerate", 25, "-i", photograph(), "-vf",
        f"crop={WIDTH}:{HEIGHT}:x=2*n:y=n", "-frames:v", PICTURES, "-pix_fmt", "yuv420p", path)
    return path


def decode(stream, pictures):
    run("ffmpeg", "-v", "error", "-y", "-i", stream, "-pix_fmt", "yuv420p", pictures)


def shot(pictures, name):
    """The middle of a picture, twice as large, as a data: URI."""
    path = OUT / f"{name}.png"
    run("ffmpeg", "-v", "error", "-y", "-i", pictures, "-vf",
        f"select=eq(n\\,{PICTURES // 2}),crop=128:96:64:48,scale=iw*2:ih*2:flags=neighbor", "-frames:v", 1, path)
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def luma(pictures):
    """The luma planes of a YUV4MPEG2 file."""
    data = pictures.read_bytes()
    size, place, planes = WIDTH * HEIGHT * 3 // 2, data.index(b"\n") + 1, []
    while place < len(data):
        place = data.index(b"\n", place) + 1
        planes.append(data[place : place + WIDTH * HEIGHT])
        place += size
    return planes


def error(first, second):
    """The sum of squared differences of luma."""
    squares = [value * value for value in range(256)]
    return sum(squares[abs(a - b)] for x, y in zip(luma(first), luma(second)) for a, b in zip(x, y))


def decibels(squares):
    from math import log10
    return 10 * log10(255 * 255 * WIDTH * HEIGHT * PICTURES / squares)


def filtered(stream, work, device):
    """What a decoder makes of a stream: in a folder with the stream and nothing else."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    shutil.copy(stream, work / "received.hevc")
    decode(work / "received.hevc", work / "decoded.y4m")
    report = signal("filter", work / "received.hevc", "--pictures", work / "decoded.y4m", "-o", work / "filtered.y4m",
                    "--device", device)
    return report, work / "filtered.y4m"


def signalled(video, base, tuned, parameter, name):
    """The stream with base and update, each with the MD5 of the first picture that the decoder is to find."""
    models = [(base, []), *([(tuned, ["--base", base])] if tuned else [])]
    stream = OUT / f"{name}.{parameter}.hevc"
    hashes = []
    # The last message says what the first picture is; the others' hashes are not of pictures that are shown.
    for attempt in range(2):
        source = video
        for place, (model, options) in enumerate(models):
            known = ["--picture-hash", hashes[0]] if hashes and place == len(models) - 1 else []
            target = OUT / f"part{place}.hevc"
            signal("mux", model, source, *options, *known, "-o", target)
            source = target
        shutil.copy(source, stream)
        report, pictures = filtered(stream, OUT / "encoder", "auto")
        hashes = [report["pictures"][0]["md5"]]
    return stream, pictures


def point(parameter, original):
    video, decoded = OUT / f"video.{parameter}.hevc", OUT / f"decoded.{parameter}.y4m"
    run("x265", "--input", original, "--preset", "medium", "--qp", parameter, "--keyint", PICTURES, "--no-open-gop",
        "--no-info", "--log-level", "none", "-o", video)
    decode(video, decoded)
    # With the hash of a picture, as the messages have it that are written in the end.
    pair = ["--pictures", decoded, "--originals", original, "--qp", parameter, "--hash"]
    base = OUT / f"base.{parameter}.onnx"
    bits = signal("allocate", HERE / "model.onnx", *pair, "--weight-bits", "8,6,4", "--activation-bits", "8", "-o",
                  base)
    weight = 0.85 * 2 ** ((parameter - 12) / 3)
    rows = [{"name": "coded video", "bytes": video.stat().st_size, "error": error(decoded, original)}]
    streams = {"coded video": (video, decoded)}

    def add(name, tuned, charged, **facts):
        stream, pictures = signalled(video, base, tuned, parameter, name.replace(" ", "-"))
        written = stream.stat().st_size - (OUT / "part0.hevc" if tuned else video).stat().st_size
        if written != charged:
            sys.exit(f"demo: {written} bytes were written for {name} at QP {parameter}, {charged} were charged")
        rows.append({"name": name, "bytes": stream.stat().st_size, "error": error(pictures, original), **facts})
        streams[name] = (stream, pictures)

    add("base", None, bits["bytes"])
    for train in ("multipliers", "biases", "both"):
        tuned = OUT / f"{train}.{parameter}.onnx"
        found = signal("overfit", base, *pair, "--train", train, "--epochs", EPOCHS, "-o", tuned)
        name = f"base and {train}"
        if found["isUpdated"]:
            add(name, tuned, found["updateBytes"], update=found["updateBytes"])
        else:
            rows.append({**rows[1], "name": name, "update": 0})
            streams[name] = streams["base"]
    for row in rows:
        row["psnr"] = decibels(row["error"])
        row["cost"] = row["error"] + weight * 8 * row["bytes"]
        row["signalled"] = row["bytes"] - rows[0]["bytes"]
    chosen = min(rows, key=lambda row: row["cost"])
    chosen["chosen"] = True
    # What a viewer chooses who has the base already, from another sequence for instance.
    update = min(rows[1:], key=lambda row: row["cost"])
    hashes = check(streams[update["name"]][0], video)
    shots = {name: shot(path, f"{label}.{parameter}") for name, path, label in (
        ("original", original, "original"), ("coded", decoded, "coded"),
        ("filtered: " + update["name"], streams[update["name"]][1], "filtered"))}
    return {"qp": parameter, "rows": rows, "bits": bits, "shots": shots, "hashes": hashes}


def check(stream, video):
    """Device and reference have the same pictures, and stripping leaves the video to the byte."""
    signal("strip", stream, "-o", OUT / "stripped.hevc")
    if (OUT / "stripped.hevc").read_bytes() != video.read_bytes():
        sys.exit(f"demo: what stripping left of {stream} is not {video}")
    found = {}
    for device in ("reference", "auto"):
        report, pictures = filtered(stream, OUT / "decoder", device)
        if not report["pictures"][0]["isVerified"]:
            sys.exit(f"demo: {stream} states no hash of its first filtered picture")
        found[report["device"]] = hashlib.md5(pictures.read_bytes()).hexdigest()
    if len(set(found.values())) != 1:
        sys.exit(f"demo: devices made different pictures: {found}")
    return found


def table(result):
    head = "<tr><th>stream</th><th>bytes</th><th>of these signalled</th><th>luma PSNR, dB</th><th>cost</th></tr>"
    lines = []
    for row in result["rows"]:
        note = " (no update: it costs more than it gives)" if row.get("update") == 0 else ""
        mark = ' class="chosen"' if row.get("chosen") else ""
        lines.append(f"<tr{mark}><td>{html.escape(row['name'])}{note}</td><td>{row['bytes']}</td>"
                     f"<td>{row['signalled']}</td><td>{row['psnr']:.3f}</td><td>{row['cost']:.0f}</td></tr>")
    return f"<table>{head}{''.join(lines)}</table>"


def page(results):
    parts = []
    for result in results:
        figures = "".join(f'<figure><img alt="{html.escape(name)}" src="{uri}"><figcaption>{html.escape(name)}'
                          "</figcaption></figure>" for name, uri in result["shots"].items())
        bits = ", ".join(f"{tensor['layer']} {'weights' if tensor['isWeights'] else 'input'} {tensor['bits']}"
                         for tensor in result["bits"]["tensors"])
        devices = ", ".join(f"{html.escape(name)} {value}" for name, value in result["hashes"].items())
        parts.append(f"<h2>QP {result['qp']}</h2>{figures}{table(result)}<p>Bits: {bits}.</p>"
                     f"<p>MD5 of the filtered sequence: {devices}.</p>")
    style = ("body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color-scheme:light dark}"
             "figure{display:inline-block;margin:.5em}table{border-collapse:collapse}"
             "td,th{padding:.2em .8em;text-align:right}td:first-child,th:first-child{text-align:left}"
             ".chosen{font-weight:bold;outline:2px solid}")
    text = ("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>Post-filter</title><style>{style}</style><h1>A post-filter in the stream</h1>"
            f"<p>{PICTURES} pictures of {WIDTH} x {HEIGHT}, coded by x265. Cost is the squared error of luma plus "
            "0.85 * 2^((QP - 12) / 3) times all bits of the stream; the row in bold has the least.</p>" + "".join(parts))
    (OUT / "index.html").write_text(text)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    original = sequence()
    results = [point(parameter, original) for parameter in PARAMETERS]
    for result in results:
        print(f"QP {result['qp']}")
        for row in result["rows"]:
            print(f"  {row['name']:22} {row['bytes']:7} bytes, {row['signalled']:5} signalled, {row['psnr']:7.3f} dB, "
                  f"cost {row['cost']:11.0f}{'  chosen' if row.get('chosen') else ''}"
                  f"{'  no update: it costs more than it gives' if row.get('update') == 0 else ''}")
        print("  bits: " + ", ".join(str(tensor["bits"]) for tensor in result["bits"]["tensors"]))
        print("  MD5 of the filtered sequence: " + ", ".join(f"{k} {v}" for k, v in result["hashes"].items()))
    page(results)
    (OUT / "results.json").write_text(json.dumps([{**r, "shots": None} for r in results], indent=1))
    print(f"page: {OUT / 'index.html'}")


main()
