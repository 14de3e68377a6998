"""A histogram of many floats whose range is not known: ours beside numpy's and torch's, and on an NVIDIA GPU beside CuPy's
and torch's there.

    histograms.py --qtool qtool --values 67108864 --bins 4096

Rates are billions of bytes read once a second. torch.histc gets the range by its own reduction, as ours finds it.
"""
import numpy as np

from common import Ours, Peers, cuda, finish, optional, parser, table, turns


def main():
    p = parser(__doc__)
    p.add_argument("--values", type=int, default=64 << 20)
    p.add_argument("--bins", type=int, default=4096, help="bins of ours on each side of zero; peers get twice as many")
    options = p.parse_args()
    torch, cupy = optional("torch"), optional("cupy")
    if torch is not None:
        torch.set_num_threads(options.threads)
    peers, bins = Peers(), 2 * options.bins
    data = {}
    rng = np.random.default_rng(0)
    data["normal"] = rng.standard_normal(options.values, np.float32)
    data["relu"] = np.maximum(data["normal"], 0)
    for kind, x in data.items():
        peers.add("numpy.histogram", kind, lambda x=x: lambda: np.histogram(x, bins))
        if torch is not None:
            t = torch.from_numpy(x)
            peers.add("torch.histc", kind, lambda t=t: lambda: torch.histc(t, bins))
        if cuda(torch):
            g = torch.from_numpy(x).cuda()
            peers.add("torch.histc, GPU", kind, lambda g=g: lambda: torch.histc(g, bins), torch.cuda.synchronize)
        if cupy is not None and cuda(torch):
            c = cupy.asarray(x)
            peers.add("cupy.histogram", kind, lambda c=c: lambda: cupy.histogram(c, bins), cupy.cuda.Device().synchronize)
    names = peers.names
    ours = Ours(options, "histogram", "--values", options.values, "--bins", options.bins,
                *[word for kind in data for word in ("--distribution", kind)])
    turns(options.rounds, ours, peers)
    rows, shown, size = [], [], options.values * 4e-9
    for kind in data:
        entry = ours.results.get(f"histogram {kind} {options.bins}x2", {})
        times = [ours.median(entry.get("name"))] + [peers.median(name, kind) for name in names]
        shown.append([kind] + [size / t if t else None for t in times] + [entry.get("ratio_to_limit")])
        rows += [{"data": kind, "name": name, "median_s": t, "rate": size / t, "unit": "GB/s"}
                 for name, t in zip(["ours"] + names, times) if t]
    print("\nGB/s")
    table(["values", "ours"] + names + ["ours of bandwidth"], shown)
    finish(options, ours, rows)


if __name__ == "__main__":
    main()
