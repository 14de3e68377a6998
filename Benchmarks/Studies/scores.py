"""What a model's answers are worth, as ONNX Runtime gives them.

A score is made of the float model and has a method for any other: `top1` (labels, and how often both models agree), `psnr`
(pictures enlarged, in decibels of luma of 16...235 without a border of the factor), `faces` (how many of the boxes that the
float model finds a model finds too). All but `psnr` have `sqnr`, the signal-to-noise ratio of all outputs in decibels.
"""
import numpy as np
import onnxruntime

from samples import luma, square


def session(path, threads=0):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answers(runtime, inputs):
    """Every output for all inputs; a model with a fixed batch gets as many as it takes."""
    source = runtime.get_inputs()[0]
    fixed = source.shape[0] if isinstance(source.shape[0], int) and source.shape[0] > 0 else None
    step = fixed or 50
    parts = []
    for start in range(0, len(inputs), step):
        batch = inputs[start:start + step]
        missing = step - len(batch) if fixed else 0
        if missing:
            batch = np.concatenate([batch, np.repeat(batch[-1:], missing, 0)])
        results = runtime.run(None, {source.name: batch})
        parts.append([result[:len(result) - missing] for result in results])
    return [np.concatenate(results).astype(np.float64) for results in zip(*parts)]


def decibels(signal, noise):
    return float(10 * np.log10(signal / noise)) if noise > 0 else float("inf")


def noise_ratio(exact, other):
    return decibels(sum((e ** 2).sum() for e in exact), sum(((e - o) ** 2).sum() for e, o in zip(exact, other)))


class Top1:
    def __init__(self, runtime, samples):
        self.samples, self.exact = samples, answers(runtime, samples.inputs)

    def of(self, runtime):
        found = answers(runtime, self.samples.inputs)
        classes, exact = [values[0].reshape(len(values[0]), -1).argmax(1) for values in (found, self.exact)]
        return {"top1": 100 * float((classes == self.samples.truth).mean()),
                "agreement": 100 * float((classes == exact).mean()),
                "sqnr": noise_ratio(self.exact, found)}


class Enlargement:
    """Pictures go through in squares of the model's input that overlap, of which a border is thrown away."""

    border = 8

    def __init__(self, runtime, samples):
        self.pairs = [(luma(small), 16 + 219 * luma(large)) for small, large in samples.truth]

    def enlarged(self, runtime, small):
        source = runtime.get_inputs()[0]
        side = source.shape[2]
        padded = np.pad(small, [(0, max(0, side - length)) for length in small.shape], mode="edge")
        result = None
        for top in self.starts(padded.shape[0], side):
            for left in self.starts(padded.shape[1], side):
                tile = square(padded[top:, left:], side)[None, None].astype(np.float32)
                large = runtime.run(None, {source.name: tile})[0].squeeze()
                factor = large.shape[0] // side
                if result is None:
                    result = np.zeros([length * factor for length in padded.shape])
                skip = [self.border * factor if start else 0 for start in (top, left)]
                rows = slice(top * factor + skip[0], (top + side) * factor)
                columns = slice(left * factor + skip[1], (left + side) * factor)
                result[rows, columns] = large[skip[0]:, skip[1]:]
        return result[:small.shape[0] * factor, :small.shape[1] * factor], factor

    def starts(self, length, side):
        return sorted({*range(0, length - side + 1, side - 2 * self.border), length - side})

    def of(self, runtime):
        ratios = []
        for small, target in self.pairs:
            large, factor = self.enlarged(runtime, small)
            large = 16 + 219 * large.clip(0, 1)
            rows, columns = [min(pair) for pair in zip(large.shape, target.shape)]
            inner = (slice(factor, rows - factor), slice(factor, columns - factor))
            ratios.append(decibels(255 ** 2, ((large[inner] - target[inner]) ** 2).mean()))
        return {"psnr": float(np.mean(ratios))}


class Faces:
    """Boxes of a score of 0.7 and more; of those that overlap by 0.3 the best stays; found is what overlaps by 0.5."""

    def __init__(self, runtime, samples):
        self.samples, self.exact = samples, answers(runtime, samples.inputs)
        self.boxes = [self.chosen(*pair) for pair in self.ordered(self.exact)]

    @staticmethod
    def ordered(outputs):
        """(scores, boxes) of each sample, whichever output comes first."""
        scores, boxes = sorted(outputs, key=lambda values: values.shape[-1])
        return zip(scores[..., 1], boxes)

    @staticmethod
    def overlaps(box, boxes):
        low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
        common = (high - low).clip(0).prod(1)
        area = lambda some: (some[..., 2:] - some[..., :2]).prod(-1)  # noqa: E731
        return common / (area(box) + area(boxes) - common)

    def chosen(self, scores, boxes):
        order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= 0.7]
        kept = []
        for i in order:
            if not kept or self.overlaps(boxes[i], boxes[kept]).max() < 0.3:
                kept.append(i)
        return boxes[kept]

    def of(self, runtime):
        found = answers(runtime, self.samples.inputs)
        matched = extra = 0
        for pair, exact in zip(self.ordered(found), self.boxes):
            boxes = self.chosen(*pair)
            free = set(range(len(boxes)))
            for box in exact:
                good = [i for i in free if self.overlaps(box, boxes[i:i + 1])[0] >= 0.5]
                if good:
                    free.remove(good[0])
                    matched += 1
            extra += len(free)
        return {"faces": matched, "of": sum(map(len, self.boxes)), "others": extra,
                "sqnr": noise_ratio(self.exact, found)}


SCORES = {"top1": Top1, "psnr": Enlargement, "faces": Faces}
