"""The scale of least squared error for every filter of a network's convolutions: ours beside torchao's MSE observer and a
plain search over 100 scales in numpy.

    searches.py --qtool qtool --shapes resnet-50 --bits 4

The weights are random, of the network's shapes. Ours searches all rows of one length in one launch, or, with `--together`,
all rows of the network in one, cut into rows of 64 weights as quantization in groups has them.
"""
import tempfile
from pathlib import Path

import numpy as np

from common import Ours, Peers, finish, layers, optional, parser, table, turns


def row_blocks(work):
    """{length of a row: rows}"""
    rng, blocks = np.random.default_rng(0), {}
    for layer in work:
        length = layer.channels // layer.groups * layer.kernel[0] * layer.kernel[1]
        for _ in range(layer.times):
            rows = rng.standard_normal((layer.filters, length), np.float32) * np.float32((2 / length) ** 0.5)
            blocks.setdefault(length, []).append(rows)
    return {length: np.concatenate(rows) for length, rows in sorted(blocks.items())}


def plain(rows, bits, steps=100):
    largest = 2 ** (bits - 1) - 1
    widest, least = np.abs(rows).max(1) / largest, np.full(len(rows), np.inf)
    for step in range(1, steps + 1):
        scale = (widest * step / steps)[:, None]
        error = ((np.clip(np.rint(rows / scale), -largest - 1, largest) * scale - rows) ** 2).sum(1)
        np.minimum(least, error, out=least)
    return least


def main():
    p = parser(__doc__)
    p.add_argument("--shapes", default="resnet-50", help="a list of ../Shapes, or a file")
    p.add_argument("--bits", type=int, default=4)
    p.add_argument("--together", action="store_true", help="one launch, for rows of 64 weights")
    options = p.parse_args()
    blocks = row_blocks(layers(options.shapes))
    if options.together:
        whole = np.concatenate([rows.ravel() for rows in blocks.values()])
        blocks = {64: whole[:whole.size // 64 * 64].reshape(-1, 64)}
    peers, ours = Peers(), {}
    torch, torchao = optional("torch"), optional("torchao.quantization.observer")
    folder = tempfile.TemporaryDirectory()
    for length, rows in blocks.items():
        path = Path(folder.name) / f"{length}.npy"
        np.save(path, rows)
        ours[length] = Ours(options, "search", "--weights", path, "--bits", options.bits, "--rounds", 5)
        peers.add("numpy 100 scales", length, lambda rows=rows: lambda: plain(rows, options.bits))
        if torch is not None and torchao is not None:
            torch.set_num_threads(options.threads)
            from torchao.quantization.granularity import PerAxis
            from torchao.quantization.quant_primitives import MappingType
            tensor = torch.from_numpy(rows)

            def observe(tensor=tensor):
                half = 2 ** (options.bits - 1)
                observer = torchao.AffineQuantizedMSEObserver(
                    MappingType.SYMMETRIC, torch.int8, PerAxis(0), quant_min=-half, quant_max=half - 1, eps=1e-9, steps=100)
                observer(tensor)
                return observer.calculate_qparams()
            peers.add("torchao", length, lambda observe=observe: observe)
    turns(options.rounds, *ours.values(), peers)
    names = peers.names
    rows, shown, totals = [], [], [0.0] * (1 + len(names))
    for length, block in blocks.items():
        mine = ours[length].median(f"search channel given {options.bits} bits")
        times = [mine] + [peers.median(name, length) for name in names]
        shown.append([f"{len(block)} rows of {length}"] + [1e3 * t if t else None for t in times])
        totals = [total + (t or 0) for total, t in zip(totals, times)]
        rows += [{"rows": len(block), "length": length, "name": name, "median_s": t}
                 for name, t in zip(["ours"] + names, times) if t]
    shown.append(["all"] + [1e3 * t if t else None for t in totals])
    print(f"\n{sum(map(len, blocks.values()))} rows, {sum(r.size for r in blocks.values())} weights, "
          f"{options.bits} bits, milliseconds")
    table(["", "ours"] + names, shown)
    if totals[0]:
        print("times ours: " + ", ".join(f"{name} {t / totals[0]:.1f}" for name, t in zip(names, totals[1:])))
    rows += [{"rows": "all", "name": name, "median_s": t} for name, t in zip(["ours"] + names, totals)]
    finish(options, next(iter(ours.values())), rows)


if __name__ == "__main__":
    main()
