"""What the scripts of this folder share: options, turns, tables."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def parser(text):
    p = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--qtool", default="qtool", help="the command to time; an empty text for none")
    p.add_argument("--device", default="auto", help="the device that qtool takes")
    p.add_argument("--rounds", type=int, default=5, help="how often ours and theirs take turns")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the peers")
    p.add_argument("--json", metavar="FILE", help="write the results")
    return p


def optional(name):
    """A module, or None with a word about it."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError as error:
        print(f"{name}: not timed ({error})", file=sys.stderr)
        return None


def cuda(torch):
    """The name of the GPU that torch sees, or None."""
    return torch.cuda.get_device_name(0) if torch is not None and torch.cuda.is_available() else None


class Layer:
    """A line of a file of ../Shapes: its README says the form."""

    def __init__(self, line):
        fields = line.split()
        numbers = [[int(n) for n in field.split("x")] for field in fields]
        self.channels, self.filters = numbers[0][0], numbers[1][0]
        self.kernel, self.size = [(n * 2)[:2] for n in (numbers[2], numbers[4])]
        self.stride, self.times = numbers[3][0], numbers[5][0]
        self.groups = numbers[6][0] if len(numbers) > 6 else 1
        self.pads = [k // 2 for k in self.kernel]
        self.result = [(n + 2 * p - k) // self.stride + 1 for n, p, k in zip(self.size, self.pads, self.kernel)]
        self.multiplications = (self.filters * self.channels // self.groups * self.kernel[0] * self.kernel[1]
                                * self.result[0] * self.result[1])

    @property
    def name(self):
        side = f"{self.size[0]}" if self.size[0] == self.size[1] else f"{self.size[0]}x{self.size[1]}"
        return (f"{self.kernel[0]}x{self.kernel[1]}{f'/{self.stride}' if self.stride > 1 else ''} "
                f"{self.channels}-{self.filters}@{side}{f' groups {self.groups}' if self.groups > 1 else ''}")


def layers(shapes):
    """The layers of a list of ../Shapes, or of a file."""
    path = Path(shapes) if Path(shapes).exists() else FOLDER.parent / "Shapes" / f"{shapes}.txt"
    lines = (line.split("#")[0] for line in path.read_text().splitlines())
    return [Layer(line) for line in lines if line.strip()]


def seconds(run, finish=lambda: None, least=0.02, blocks=5):
    """Seconds of one call: the median of blocks of as many as take `least` seconds, after two that are not counted, or one
    where a call takes a second."""
    def block(count):
        start = time.perf_counter()
        for _ in range(count):
            run()
        finish()
        return (time.perf_counter() - start) / count

    if block(1) > 1:
        return block(1)
    count = max(1, round(least / max(block(1), 1e-9)))
    return statistics.median(block(count) for _ in range(blocks))


class Ours:
    """`qtool bench` with some words and options, called once a round."""

    def __init__(self, options, *arguments):
        self.words = [options.qtool, "bench", *map(str, arguments), "--device", options.device, "--json"]
        self.times, self.results, self.document = {}, {}, None

    def __call__(self):
        if not self.words[0]:
            return
        done = subprocess.run(self.words, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(self.words)} ended with {done.returncode}: {done.stderr.strip()}")
        self.document = json.loads(done.stdout)
        for entry in self.document["results"]:
            self.times.setdefault(entry["name"], []).append(entry["median_s"])
            self.results[entry["name"]] = entry

    def median(self, name):
        return statistics.median(self.times[name]) if name in self.times else None


class Peers:
    """Functions by (peer, work), timed once a round.

    `make` prepares the work and gives the function, anew for every round: what one peer keeps running, threads that wait
    for work for one, would slow down the others.
    """

    def __init__(self):
        self.makes, self.times = {}, {}

    def add(self, peer, work, make, finish=lambda: None, calls=1):
        """`calls`: how often a call of the function does the work."""
        self.makes[peer, work] = (make, finish, calls)

    def __call__(self):
        for key, (make, finish, calls) in self.makes.items():
            self.times.setdefault(key, []).append(seconds(make(), finish) / calls)

    def median(self, peer, work):
        times = self.times.get((peer, work))
        return statistics.median(times) if times else None

    @property
    def names(self):
        return list(dict.fromkeys(peer for peer, _ in self.makes))


def turns(rounds, *timers):
    for number in range(rounds):
        for timer in timers if number % 2 == 0 else reversed(timers):
            timer()
        print(f"round {number + 1} of {rounds}", file=sys.stderr)


def table(header, rows):
    texts = [header] + [["" if cell is None else f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
                        for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(header))]
    for row in texts:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip())


def finish(options, ours, rows):
    if options.json:
        device = {k: v for k, v in (ours.document or {}).items() if k != "results"}
        Path(options.json).write_text(json.dumps({"ours": device, "threads": options.threads, "rounds": options.rounds,
                                                  "results": rows}, indent=2) + "\n")
