"""A whole search space in 60 lines of code: softmax regression on images averaged over squares of pixels."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import softmax

from workbench.errors import GenomeError, MutationError
from workbench.genome.npz import read_arrays, write_arrays
from workbench.individuals import Cost, TrainResult
from workbench.pictures import Edge, Node, Picture
from workbench.settings import check_settings, setting
from workbench.space import RecordSpace, SpacePreset, check_preset
from workbench.training.augmentation import batches


@dataclass(frozen=True)
class ToyRates:
    coarser: float = setting(0.5, "relative probability of squares twice as wide", low=0.01, high=1)
    finer: float = setting(0.5, "relative probability of squares half as wide", low=0.01, high=1)
    __post_init__ = check_settings


@dataclass(frozen=True)
class ToySpace(RecordSpace):  # a genome is (side of the squares in pixels, weights [features + 1, classes])
    name, mutation_kinds, rates_record, formats = "toy", ("coarser", "finer"), ToyRates, (".npz",)

    @classmethod
    def presets(cls, name, data):
        check_preset(name, ("quick",), cls.name)
        return SpacePreset({"population": 6, "children": 4, "generations": 5, "train.learning_rate": 0.3})

    def new(self, side):
        features = self.input_shape[0] * (self.input_shape[1] // side) * (self.input_shape[2] // side)
        return side, np.zeros((features + 1, self.n_outputs), np.float32)

    def sample(self, index, rng):
        return self.new(2 ** int(rng.integers(int(np.log2(min(self.input_shape[1:]))) + 1)))

    def mutate(self, genome, rates, rng):
        finer = 2 * genome[0] > min(self.input_shape[1:]) or rng.random() * (rates.coarser + rates.finer) < rates.finer
        return self.apply(self.mutation_kinds[finer and genome[0] > 1], genome, rates, rng)

    def apply(self, kind, genome, rates, rng):
        side = {"coarser": 2 * genome[0], "finer": genome[0] // 2}.get(kind, 0)
        if not 0 < side <= min(self.input_shape[1:]):
            raise MutationError(f"{kind} is impossible with squares of {genome[0]} pixels")
        return self.new(side), {"kind": kind, "side": side}

    def inputs(self, side, images):  # float32 [n, c, h, w] -> float32 [n, features + 1]
        n, c, rows, columns = *images.shape[:2], images.shape[2] // side, images.shape[3] // side
        squares = images[:, :, : rows * side, : columns * side].reshape(n, c, rows, side, columns, side).mean((3, 5))
        return np.pad(squares.reshape(n, -1), ((0, 0), (0, 1)), constant_values=1)

    def logits(self, genome, images):
        return self.inputs(genome[0], images) @ genome[1]

    def train(self, genome, data, config, *, seed, stream, on_epoch=None):
        (side, weights), rows = genome, [{"val_accuracy": self.evaluate(genome, data, "validation")}]
        for epoch in range(config.epochs):
            for images, labels in batches(data, config, stream, epoch):
                inputs, truth = self.inputs(side, images), np.eye(self.n_outputs, dtype=np.float32)[labels]
                slope = inputs.T @ (softmax(inputs @ weights, axis=1) - truth) / len(labels)
                weights = weights - np.float32(config.learning_rate) * slope
            rows.append({"epoch": epoch + 1, "val_accuracy": self.evaluate((side, weights), data, "validation")})
            if on_epoch and on_epoch(rows[-1]):
                break
        return TrainResult((side, weights), rows[-1]["val_accuracy"], rows[0]["val_accuracy"], tuple(rows[1:]))

    def evaluate(self, genome, data, split):
        return float((self.logits(genome, data.arrays(split)[0]).argmax(1) == data.labels(split)).mean())

    def cost(self, genome):
        flops = (len(genome[1]) - 1) * (genome[0] ** 2 + 2 * self.n_outputs)
        return Cost(flops, flops + self.n_outputs, genome[1].size)

    def encode(self, genome):
        return write_arrays("toy", 1, {"side": genome[0]}, {"weights": genome[1]})

    def decode(self, blob):
        head, arrays = read_arrays(blob, "toy", 1, {"weights": (np.float32, 2)})
        side = head.get("side")
        if side not in range(1, min(self.input_shape[1:]) + 1) or arrays["weights"].shape != self.new(side)[1].shape:
            raise GenomeError(f"expected squares within {self.input_shape}, got {side!r:.40} and other weights")
        return int(side), arrays["weights"]

    def describe(self, genome):
        return {"summary": f"squares of {genome[0]} pixels", "squares": len(genome[1]) - 1}

    def picture(self, genome):
        kinds = {"images": "input", f"squares of {genome[0]}": "pooling", "linear": "linear", "logits": "output"}
        nodes = tuple(Node(name, name, kind, column) for column, (name, kind) in enumerate(kinds.items()))
        return Picture(nodes, tuple(Edge(*two) for two in pairwise(kinds)))

    def export(self, genome, ending, data=None, *, raw=False):
        return self.encode(genome)
