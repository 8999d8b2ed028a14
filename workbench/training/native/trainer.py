"""Training and inference by the compiled kernels: the default on a CPU."""

from __future__ import annotations

import numpy as np

from workbench.compiler import Plan, compile_genome
from workbench.compiler.plan import batch_maps
from workbench.datasets import Dataset
from workbench.genome import EPS, Genome
from workbench.genome.topology import stable_order
from workbench.training.augmentation import targets_of
from workbench.training.native.arrays import Buffers, Learner, Net
from workbench.training.native.cache import BufferPool, Cache, CooperativeFill
from workbench.training.native.folding import folded, unfold
from workbench.training.native.formulas import AHEAD
from workbench.training.native.kernels import infer, order_inner, scale_inputs, train_epoch
from workbench.training.native.pixels import LEAST_CONTRAST, PACKS
from workbench.training.native.tiles import Tiles, name_of, split_tiles, training_tiles
from workbench.training.native.widths import TILE
from workbench.training.trainer import CALIBRATION_IMAGES, StreamKey, TrainConfig, Trainer, averaging_factors

LARGE_PAGE = 1 << 21
TAUGHT_BYTES = 1 << 26

_TAUGHT: Cache[np.ndarray] = Cache(TAUGHT_BYTES, BufferPool(0))
"""What teachers said of tiles: their logits, which children with the same teacher share."""


class NativeTrainer(Trainer):
    """One genome with initialised weights, prepared for the compiled kernels; `seed` is that of dropout."""

    def __init__(self, genome: Genome, data: Dataset, seed: int = 0, teacher: Genome | None = None) -> None:
        self.start, self.data, self.seed = genome, data, seed
        self.teacher = None if teacher is None else NativeTrainer(teacher, data)
        self.plan = compile_genome(genome)
        self.order = _order(self.plan)
        self._room = self._make_room()
        each = genome.n_inputs // len(data.mean)  # inputs of a channel, or the one of a feature
        scale, mean = np.repeat(1 / data.std, each), np.repeat(data.mean, each)
        self.pixels = np.stack([scale, -mean * scale]).astype(np.float32)
        packs = PACKS and data.images("train").itemsize == 1 and bool((data.std > LEAST_CONTRAST * data.mean).all())
        self.net = _net(self.plan, self.order, batch_maps(genome, self.plan), scale, mean, packs)
        self.learner = _learner(self.plan, self.order, self.net, genome)
        self._sums = [np.zeros(size, np.float32) for size in ((4, self.plan.n_neurons), (4, len(self.net.map_sizes)))]

    def genome(self) -> Genome:
        """The genome with the current weights."""
        learner, plan = folded(self.net, self.learner), self.plan
        weights = np.empty(plan.n_weights, np.float32)
        weights[plan.parameters[self.order]] = learner.weights[: len(self.order)]
        return plan.to_genome(self.start, weights, learner.biases[: plan.n_neurons - plan.n_inputs])

    def buffers(self, width: int) -> Buffers:
        """Work space for tiles of one of the `WIDTHS`; all share the same memory."""
        return _views(self._room, self._sums, width)

    def _make_room(self) -> list[np.ndarray]:
        room = (self.plan.n_neurons, TILE)
        return aligned_zeros(room, room, room, (self.plan.n_layers, TILE), (3, TILE))

    def logits(self, tiles: Tiles) -> np.ndarray:
        """Logits float32 [images, outputs] of all images in the tiles."""
        n_tiles, width = tiles.labels.shape
        logits = np.empty((n_tiles, self.plan.n_outputs, width), np.float32)
        infer(self.net, folded(self.net, self.learner), tiles.images, self.pixels, self.buffers(width), logits)
        return logits.transpose(0, 2, 1)[tiles.labels >= 0]

    def begin_logits(self, tiles: Tiles) -> CooperativeFill[np.ndarray]:
        """Begin logits float32 [tiles, outputs, width], for threads that fill them together."""
        n_tiles, width = tiles.labels.shape
        logits = np.empty((n_tiles, self.plan.n_outputs, width), np.float32)

        def fill(first: int, last: int) -> None:
            own, some = _views(self._make_room(), self._sums, width), slice(first, last)
            infer(self.net, self.learner, tiles.images[some], self.pixels, own, logits[some])

        return CooperativeFill(logits, n_tiles, fill)

    def predict(self, split: str) -> np.ndarray:
        """Logits of a split's images, float32 [images, outputs]."""
        return self.logits(split_tiles(self.data, split))

    def train_epoch(
        self, config: TrainConfig, key: StreamKey, epoch: int, rates: np.ndarray, first_step: int
    ) -> tuple[float, float]:
        """One epoch; see `Trainer`."""
        tiles = training_tiles(self.data, config, key, epoch)
        targets, buffers = self.targets(tiles, config, key, epoch), self.buffers(tiles.labels.shape[1])
        factors = averaging_factors(config, first_step, len(rates))
        if first_step == 0:
            some = slice(-(-CALIBRATION_IMAGES // config.batch_size) * tiles.per_batch)
            unfold(self.net, self.learner, tiles.images[some], tiles.labels[some], self.pixels, buffers)
            self._averages = tuple(own.copy() if config.average else own[:0] for own in self._averaged)
        else:
            self._exchange()
        result = train_epoch(
            self.net, self.learner, tiles.images, tiles.labels, targets, self.pixels, tiles.per_batch, rates,
            first_step, config.weight_decay, config.dropout, config.label_smoothing, self.seed % 2**63,
            self._averages, factors, buffers,
        )  # fmt: skip
        self._exchange()
        return result

    @property
    def _averaged(self) -> tuple[np.ndarray, ...]:
        return self.learner.weights, self.learner.biases, *self.learner.map_moments

    def _exchange(self) -> None:
        """Exchange weights and their averages, if there are any: between epochs the network has the averages."""
        if not len(self._averages[0]):
            return
        for own, average in zip(self._averaged, self._averages, strict=True):
            own[:], average[:] = average.copy(), own.copy()
        order_inner(self.net, self.learner.weights, self.learner.inner_weights)
        if self.net.packs:
            scale_inputs(self.net, self.learner)

    def targets(self, tiles: Tiles, config: TrainConfig, key: StreamKey, epoch: int) -> np.ndarray:
        """What the network is trained towards, float32 [tiles, outputs, width]; of length 0 if that is the labels."""
        teacher = self.teacher
        if teacher is None and tiles.shares is None:
            return np.zeros((0, 0, 0), np.float32)
        labelled = targets_of(tiles.labels, self.plan.n_outputs, config, tiles.others, tiles.shares)
        targets = np.ascontiguousarray(np.moveaxis(labelled, -1, 1))
        if teacher is None:
            return targets
        name = (*name_of(self.data, config, key, epoch), teacher.start.content_hash)
        logits = _TAUGHT.get(name, lambda: teacher.begin_logits(tiles))
        softened = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(config.temperature))
        share = np.float32(config.distillation)
        return (1 - share) * targets + share * (softened / softened.sum(axis=1, keepdims=True))


def _views(room: list[np.ndarray], sums: list[np.ndarray], width: int) -> Buffers:
    views = [each.ravel()[: len(each) * width].reshape(-1, width) for each in room]
    return Buffers(*views, *sums)


def _order(plan: Plan) -> np.ndarray:
    """The edges of a plan as the kernels number them: those from inputs by target, then the others by source."""
    return stable_order(np.where(plan.columns < plan.n_inputs, 0, plan.columns))


def _net(plan: Plan, order: np.ndarray, maps: np.ndarray, scale: np.ndarray, mean: np.ndarray, packs: bool) -> Net:
    rows = np.repeat(np.arange(plan.n_neurons), np.diff(plan.row_starts))
    inner = plan.columns >= plan.n_inputs
    by_source = order[np.count_nonzero(~inner) :]
    places = np.empty(len(plan.edges), np.uint32)
    places[by_source] = np.arange(len(by_source))
    n_hidden = plan.n_neurons - plan.n_inputs - plan.n_outputs
    shared_edges, group_starts = _groups(plan.parameters[order])
    shared_biases, bias_group_starts = _groups(plan.bias_parameters)
    members = np.flatnonzero(maps >= 0)
    first_rows = plan.n_inputs + members[np.unique(maps[members], return_index=True)[1]]  # one of each map
    return Net(
        n_inputs=plan.n_inputs,
        layer_starts=plan.layer_starts.astype(np.int64),
        normalised=plan.normalised.copy(),
        input_starts=_starts(rows[~inner], plan.n_neurons),
        inner_starts=_starts(rows[inner], plan.n_neurons),
        back_starts=_starts(plan.columns[inner] - plan.n_inputs, n_hidden),
        input_columns=_ahead(plan.columns[~inner]),
        inner_columns=_ahead(plan.columns[inner]),
        back_targets=_ahead(rows[by_source]),
        inner_places=places[inner],
        shared_edges=shared_edges,
        group_starts=group_starts,
        shared_biases=shared_biases,
        bias_group_starts=bias_group_starts,
        packs=int(packs),
        scales=np.append(scale[plan.columns[~inner]], np.zeros(TILE)).astype(np.float32),
        means=np.append(mean[plan.columns[~inner]], np.zeros(TILE)).astype(np.float32),
        maps=maps.astype(np.int32) if len(members) else np.zeros(0, np.int32),
        map_starts=np.searchsorted(np.sort(first_rows), plan.layer_starts),
        map_sizes=np.bincount(maps[members]),
    )


def _groups(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What shares its parameter with others, group by group, and where each group starts, and the end."""
    users = np.bincount(parameters)
    shared = np.flatnonzero(users[parameters] > 1)
    return shared[stable_order(parameters[shared])].astype(np.uint32), np.cumsum([0, *users[users > 1]])


def _starts(owners: np.ndarray, count: int) -> np.ndarray:
    """Where the edges of each of `count` owners start, and the end, int64 [count + 1]."""
    return np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))])


def _ahead(rows: np.ndarray) -> np.ndarray:
    """Rows as the kernels take them, int32, with `AHEAD` more that are only prefetched."""
    return np.concatenate([rows, np.zeros(AHEAD)]).astype(np.int32)


def _learner(plan: Plan, order: np.ndarray, net: Net, genome: Genome) -> Learner:
    n_rows, n_maps = plan.n_neurons - plan.n_inputs, len(net.map_sizes)
    n_edges, n_biases = (-(-count // TILE) * TILE for count in (len(order), n_rows + n_maps))
    n_packed, n_offsets = (n_edges + TILE, n_biases) if net.packs else (0, 0)
    (weights, edge_grads), (biases, bias_grads), (inner_weights,), (packed,), (offsets,), *moments = aligned_zeros(
        (2, n_edges),
        (2, n_biases),
        (1, len(net.inner_places)),
        (1, n_packed),
        (1, n_offsets),
        (2, n_edges),
        (2, n_biases),
    )
    weights[: len(order)] = genome.weights[plan.edges[order]]
    biases[:n_rows], biases[n_rows : n_rows + n_maps] = plan.biases_of(genome), np.sqrt(np.float32(EPS))
    order_inner(net, weights, inner_weights)
    own = (packed, offsets) if net.packs else (weights, biases)
    moments += [np.zeros((2, n_maps), np.float32), np.zeros(n_maps, np.bool_)]
    learner = Learner(weights, biases, inner_weights, *own, edge_grads, bias_grads, *moments)
    if net.packs:
        scale_inputs(net, learner)
    return learner


def aligned_zeros(*shapes: tuple[int, int]) -> list[np.ndarray]:
    """Float32 zeros of these shapes in one block, each aligned to 64 bytes, so that a row of TILE fills cache lines.

    One large block lets the system use large pages, which saves a tenth of the time.
    """
    sizes = [-(-rows * columns * 4 // 64) * 64 for rows, columns in shapes]
    raw = np.zeros(max(sum(sizes) + LARGE_PAGE, 2 * LARGE_PAGE), np.uint8)
    start = -raw.ctypes.data % LARGE_PAGE
    arrays = []
    for (rows, columns), size in zip(shapes, sizes, strict=True):
        arrays.append(raw[start : start + rows * columns * 4].view(np.float32).reshape(rows, columns))
        start += size
    return arrays
