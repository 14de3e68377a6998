"""The scale of least squared error for every filter of a network's convolutions: ours beside torchao's MSE observer and a
plain search over 100 scales in numpy.

    searches.py --qtool qtool --shapes resnet-50 --bits 4

The weights are random, of the network's shapes. Ours searches all filters of the network in one call; the peers, which
need rows of one length, at most --sample of those of every length, and their time is multiplied by the rows there are. The
output says so.
"""
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
    p.add_argument("--sample", type=int, default=256, help="rows of a length that peers search; 0 for all of them")
    options = p.parse_args()
    blocks = row_blocks(layers(options.shapes))
    samples = {length: rows[:options.sample or len(rows)] for length, rows in blocks.items()}
    ours = Ours(options, "search", "layers", "--shapes", options.shapes, "--bits", options.bits, "--rounds", 9)
    peers = Peers()
    torch, torchao = optional("torch"), optional("torchao.quantization.observer")
    for length, rows in samples.items():
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
    turns(options.rounds, ours, peers)
    rows, totals = [], {"ours, all in one call": ours.median(f"search layers {options.bits} bits")}
    for name in peers.names:
        times = {length: peers.median(name, length) / len(samples[length]) for length in blocks}
        rows += [{"rows": len(samples[length]), "length": length, "name": name, "seconds_a_row": t}
                 for length, t in times.items()]
        totals[name] = sum(t * len(blocks[length]) for length, t in times.items())
    mine = totals["ours, all in one call"]
    all_rows, timed = (sum(map(len, groups.values())) for groups in (blocks, samples))
    print(f"\n{all_rows} rows, {sum(r.size for r in blocks.values())} weights, {options.bits} bits")
    if timed < all_rows:
        print(f"Peers searched {timed} of the rows, at most {options.sample} of every length; theirs is time a row times rows.")
    table(["", "ms", "times ours"], [[name, 1e3 * t if t else None, t / mine if mine and t else None]
                                     for name, t in totals.items()])
    finish(options, ours, rows + [{"rows": "all", "name": name, "median_s": t} for name, t in totals.items()])


if __name__ == "__main__":
    main()
