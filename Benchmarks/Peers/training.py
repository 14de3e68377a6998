"""A step of training, forward, backward and update, of the networks of `qtool bench training`: ours beside torch's in
float and with a straight-through estimator written by hand, which quantizes what ours does.

    training.py --qtool qtool --batch 128

Rates are images a second. The values are random: they are read, and nothing is learnt. --normalized adds torch's
ResNet-20 with batch normalization, which ours has folded into its convolutions.
"""
from common import Ours, Peers, finish, optional, parser, table, turns

torch = optional("torch")
nn = torch.nn if torch else None
KINDS = {"torch float": (False, False), "torch float, channels last": (False, True),
         "torch straight-through": (True, False), "torch straight-through, channels last": (True, True)}


def networks():
    class Quantize(torch.autograd.Function):
        @staticmethod
        def forward(context, x, scale, lowest, highest):
            q = torch.round(x / scale)
            context.save_for_backward((q >= lowest) & (q <= highest))
            return torch.clamp(q, lowest, highest) * scale

        @staticmethod
        def backward(context, gradient):
            return gradient * context.saved_tensors[0], None, None, None

    class Quantized(nn.Module):
        """A layer whose input has 8 bits and whose weights have 4, one scale a filter."""

        def __init__(self, layer, first):
            super().__init__()
            self.layer, self.range = layer, (1 / 127, -128, 127) if first else (2 / 255, 0, 255)
            dims = tuple(range(1, layer.weight.dim()))
            self.scale = layer.weight.detach().abs().amax(dims, keepdim=True) / 7

        def forward(self, x):
            x, weight = Quantize.apply(x, *self.range), Quantize.apply(self.layer.weight, self.scale, -8, 7)
            if isinstance(self.layer, nn.Linear):
                return nn.functional.linear(x, weight, self.layer.bias)
            return self.layer._conv_forward(x, weight, self.layer.bias)

    class Block(nn.Module):
        def __init__(self, layer, norm, inside, outside, stride):
            super().__init__()
            self.main = nn.Sequential(layer(nn.Conv2d(inside, outside, 3, stride, 1)), norm(outside), nn.ReLU(),
                                      layer(nn.Conv2d(outside, outside, 3, 1, 1)), norm(outside))
            self.short = nn.Identity() if inside == outside else nn.Sequential(
                layer(nn.Conv2d(inside, outside, 1, stride)), norm(outside))

        def forward(self, x):
            return torch.relu(self.main(x) + self.short(x))

    def lenet(layer, norm):
        return nn.Sequential(
            layer(nn.Conv2d(1, 6, 5, padding=2), True), nn.ReLU(), nn.MaxPool2d(2), layer(nn.Conv2d(6, 16, 5)), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), layer(nn.Linear(400, 120)), nn.ReLU(), layer(nn.Linear(120, 84)), nn.ReLU(),
            layer(nn.Linear(84, 10)))

    def resnet(layer, norm):
        parts, inside = [layer(nn.Conv2d(3, 16, 3, 1, 1), True), norm(16), nn.ReLU()], 16
        for outside, stride in [(16, 1)] * 3 + [(32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)]:
            parts.append(Block(layer, norm, inside, outside, stride))
            inside = outside
        return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer(nn.Linear(64, 10)))

    def quantized(layer, first=False):
        return Quantized(layer, first)

    def plain(layer, first=False):
        return layer

    def make(name, is_quantized, normalized):
        network = lenet if name == "lenet-5" else resnet
        return network(quantized if is_quantized else plain, nn.BatchNorm2d if normalized else lambda _: nn.Identity())
    return make


def step(make, name, batch, is_quantized, last, normalized):
    shape = (1, 28, 28) if name == "lenet-5" else (3, 32, 32)
    x, y = torch.rand(batch, *shape) * 2 - 1, torch.arange(batch) * 7 % 10
    model = make(name, is_quantized, normalized)
    if last:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.train().parameters(), 1e-3, momentum=0.9)

    def run():
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()
    return run


def main():
    p = parser(__doc__)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--normalized", action="store_true")
    options = p.parse_args()
    peers = Peers()
    names = ["lenet-5", "resnet-20"]
    if torch is not None:
        torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        make = networks()
        for name in names:
            for normalized in [False, True] if options.normalized and name == "resnet-20" else [False]:
                for kind, form in KINDS.items():
                    arguments = (make, name, options.batch, *form, normalized)
                    peers.add(kind, name + (", normalized" if normalized else ""), lambda a=arguments: step(*a))
    ours = Ours(options, "training", "--batch", options.batch, "--rounds", 5)
    turns(options.rounds, ours, peers)
    rows, shown = [], []
    for name in names + (["resnet-20, normalized"] if options.normalized else []):
        entry = ours.results.get(f"training {name}", {})
        times = [ours.median(entry.get("name"))] + [peers.median(peer, name) for peer in peers.names]
        shown.append([name] + [options.batch / t if t else None for t in times] + [entry.get("ratio_to_limit")])
        rows += [{"network": name, "name": peer, "median_s": t, "rate": options.batch / t, "unit": "images/s"}
                 for peer, t in zip(["ours"] + peers.names, times) if t]
    print("\nimages/s")
    table(["network", "ours"] + peers.names + ["ours of float fma"], shown)
    finish(options, ours, rows)


if __name__ == "__main__":
    main()
