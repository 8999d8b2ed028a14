"""Torch networks as genomes: the same logits, as many operations and parameters, and what is refused."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

from workbench import Dataset, Genome, MutationRates, TrainConfig, train
from workbench.compiler.export import export_network
from workbench.compiler.plan import logits_of
from workbench.errors import GenomeError
from workbench.mutations import KINDS, apply
from workbench.views.network.figure import network_svg
from workbench.views.network.layout import dag_layout
from workbench.views.network.maps import edge_density, receptive_field

SHAPE = (2, 7, 6)
FEATURES = 2 * 7 * 6


class Block(nn.Module):
    """What `body` makes of a tensor, plus the tensor."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return self.body(x) + x


class Around(nn.Module):
    """A function of images, and a linear layer on top."""

    def __init__(self, function, *layers: nn.Module) -> None:
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)
        self.head = nn.Linear(self.values(torch.zeros(2, *SHAPE)).shape[1], 3)

    def values(self, x):
        return self.function(x, *self.layers).flatten(1)

    def forward(self, x):
        return self.head(self.values(x))


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with random weights and statistics, in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.normal_(0, 0.5, generator=generator)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.1)
    return module.eval()


def norm(maps: int, rng: np.random.Generator) -> list[nn.Module]:
    return [nn.BatchNorm2d(maps)] if rng.random() < 0.5 else []


def random_cnn(seed: int, shape=SHAPE) -> nn.Sequential:
    """A small CNN of every kind of layer."""
    rng, maps, size = np.random.default_rng(seed), shape[0], min(shape[1:])
    layers: list[nn.Module] = []
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.3 and layers:
            layers += [Block(nn.Conv2d(maps, 3, 3, padding=1), *norm(3, rng), nn.ReLU(), nn.Conv2d(3, maps, 1))]
        else:
            groups = maps if rng.random() < 0.4 else 1
            before, maps = maps, groups * int(rng.integers(1, 4 if groups == 1 else 3))
            kernel, stride, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(1, 3))
            if size < 3:
                kernel, dilation = 1, 1
            padding = int(rng.integers(0, min(3, dilation * (kernel - 1) + 1))) if size > 2 else 0
            convolution = nn.Conv2d(before, maps, kernel, stride, padding, dilation, groups, bias=bool(rng.integers(2)))
            reach = dilation * (kernel - 1) + 1
            if size + 2 * padding < reach:
                continue
            size = (size + 2 * padding - reach) // stride + 1
            layers += [convolution, *norm(maps, rng)]
        layers += [nn.ReLU(), nn.Dropout2d(0.3)]
        if size >= 4 and rng.random() < 0.4:
            layers.append(nn.AvgPool2d(2))
            size //= 2
    if rng.random() < 0.5:
        layers.append(nn.AdaptiveAvgPool2d(1))
    layers.append(nn.Flatten())
    features = nn.Sequential(*layers)(torch.zeros(2, *shape)).shape[1]
    if rng.random() < 0.5:
        layers += [nn.Linear(features, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU(inplace=True), nn.Dropout(0.5)]
        features = 5
    return randomised(nn.Sequential(*layers, nn.Linear(features, 3)), seed)


def images(shape=SHAPE, n: int = 5) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((n, *shape), np.float32)


def assert_same(module: nn.Module, genome: Genome, shape=SHAPE) -> None:
    x = images(shape)
    with torch.inference_mode():
        expected = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(logits_of(genome, x), expected, rtol=1e-4, atol=1e-4)


def counted(module: nn.Sequential, shape=SHAPE) -> tuple[int, int]:
    """Edges and parameters, found by torch: products without padding that a logit depends on, and what they take.

    Weights and images are set to 1 and biases to 0: a value is then 0 only where it depends on no image, and a gradient
    only where no logit depends on it.
    """
    module, seen = copy.deepcopy(module), []
    for name, tensor in module.state_dict().items():
        tensor.fill_(0 if name.endswith(("bias", "running_mean")) else 1)

    def note(layer, inputs, output):
        output.retain_grad()
        seen.append((layer, (inputs[0] != 0).float(), output))

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.AvgPool2d | nn.AdaptiveAvgPool2d | Block):
            layer.register_forward_hook(note)
    module(torch.ones(1, *shape)).sum().backward()
    edges = parameters = 0
    for layer, before, output in seen:
        if isinstance(layer, nn.Conv2d):
            settings = layer.stride, layer.padding, layer.dilation, layer.groups
            products = F.conv2d(before, torch.ones_like(layer.weight), None, *settings)
        elif isinstance(layer, nn.Linear):
            products = before.sum()
        elif isinstance(layer, nn.AvgPool2d):
            products = F.avg_pool2d(before, layer.kernel_size, divisor_override=1)
        else:
            products = before if isinstance(layer, Block) else before.sum((2, 3), keepdim=True)
        alive = output.grad != 0
        edges += int((products * alive).sum())
        maps = int(alive.transpose(0, 1).flatten(1).any(1).sum())
        if isinstance(layer, nn.Conv2d | nn.Linear):
            parameters += int((layer.weight.grad != 0).sum()) + maps
        else:  # a weight for each map; pooling is neurons, which also have a bias
            parameters += maps if isinstance(layer, Block) else 2 * maps
    return edges, parameters


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_random_cnns(seed):
    """The same logits, twice as many FLOPs as products, and as many parameters as torch has, BatchNorm folded."""
    module = random_cnn(seed)
    genome = Genome.from_torch(module, SHAPE)
    assert_same(module, genome)
    edges, parameters = counted(module)
    assert (genome.flops, genome.n_parameters) == (2 * edges, parameters)
    assert (genome.n_outputs, genome.normalization) == (3, "none")


FLAT = (nn.Flatten(), nn.Linear(FEATURES, 3))


def finished(*layers: nn.Module) -> nn.Module:
    """The layers, and a linear one on top."""
    features = nn.Sequential(*layers, nn.Flatten()).eval()(torch.zeros(2, *SHAPE)).shape[1]
    return randomised(nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, 3)))


def conv(before: int, maps: int, size: int = 3, **settings) -> nn.Conv2d:
    return nn.Conv2d(before, maps, size, **{"padding": size // 2, **settings})


def pre_activation(x, norm, first, second):
    x = first(x)
    return x + second(torch.relu(norm(x)))


def changed_in_place(x, conv):
    before = conv(x)
    return before.relu_() + before


EXACT = {
    "one linear layer": (lambda x: x,),
    "normalised images": (lambda x, norm, conv: conv(norm(x)).relu(), nn.BatchNorm2d(2), conv(2, 3)),
    "normalised after the ReLU": (
        lambda x, one, norm, two: two(norm(one(x).relu())).relu(),
        *(conv(2, 3), nn.BatchNorm2d(3), conv(3, 2, stride=2)),
    ),
    "normalised after flattening": (
        lambda x, conv, norm: norm(conv(x).flatten(1)).relu(),
        *(conv(2, 2, groups=2), nn.BatchNorm1d(FEATURES)),
    ),
    "pooled images": (lambda x, conv: conv(F.avg_pool2d(x, (3, 2))).relu(), conv(2, 3, 2, padding=0)),
    "pooled before the ReLU": (
        lambda x, conv, norm: F.avg_pool2d(norm(conv(x)), 2, 1).relu(),
        *(conv(2, 3), nn.BatchNorm2d(3)),
    ),
    "pooled logits": (lambda x, conv: conv(x.relu()).mean((2, 3)).relu(), conv(2, 3, 1)),
    "padded pooling": (lambda x, conv: F.avg_pool2d(conv(x).relu(), 3, 2, 1), conv(2, 3)),
    "a window divided by something else": (lambda x: F.avg_pool2d(x.relu(), 2, divisor_override=3),),
    "images plus their convolution": (lambda x, conv: (x + conv(x)).relu(), conv(2, 2)),
    "several convolutions at once": (
        lambda x, a, b, c: (a(x) + b(x) + c(x) + x).relu(),
        *(conv(2, 2), conv(2, 2, 1), conv(2, 2, padding="same", dilation=2)),
    ),
    "an addition after the ReLU": (
        lambda x, a, b, c: c(a(x).relu() + b(x).relu()).relu() + a(x).relu(),
        *(conv(2, 2), conv(2, 2, 1), conv(2, 2)),
    ),
    "a block normalised first": (
        lambda x, norm, a, b: F.relu(pre_activation(x, norm, a, b)),
        *(nn.BatchNorm2d(3), conv(2, 3), conv(3, 3)),
    ),
    "maps side by side": (lambda x, a, b: b(torch.cat([x, a(x).relu()], 1)).relu(), conv(2, 3), conv(5, 2)),
    "the same maps twice": (lambda x, conv: conv(torch.cat([x, x], 1)).relu(), conv(4, 2)),
    "in place": (lambda x, conv: F.relu_(conv(x)).add_(conv(x)).relu_(), conv(2, 2)),
    "changed in place, and read again": (changed_in_place, conv(2, 2)),
    "padding beyond the kernel": (lambda x, conv: conv(x).relu(), conv(2, 3, padding=4)),
    "even kernels that keep the size": (lambda x, conv: conv(x).relu(), conv(2, 3, 4, padding="same")),
    "ReLU twice, and of images": (lambda x, conv: conv(x.relu()).relu().relu(), conv(2, 3, bias=False)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", EXACT)
def test_exact(name):
    function, *layers = EXACT[name]
    module = randomised(Around(function, *layers))
    assert_same(module, Genome.from_torch(module, SHAPE))


def test_pooling_and_additions_take_the_edges_they_need():
    """Pooling of maps after a ReLU is a neuron, elsewhere part of its neighbour; an addition is an edge a value."""
    pooled = Genome.from_torch(finished(conv(2, 3, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)), SHAPE)
    assert pooled.n_edges == 2 * 3 * 42 + 3 * 42 + 9
    joined = randomised(nn.Sequential(nn.ReLU(), conv(2, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    genome = Genome.from_torch(joined, SHAPE)
    assert (genome.n_edges, genome.n_parameters) == (2 * 42 + 2 * 3 * 42, 2 + 2 + 2 * 3 + 3)
    chain, block = (
        Genome.from_torch(finished(conv(2, 2), nn.ReLU(), part, nn.ReLU()), SHAPE)
        for part in (conv(2, 2, 1), Block(conv(2, 2, 1)))
    )
    assert (block.n_edges, block.n_parameters) == (chain.n_edges, chain.n_parameters)  # they join the same neurons


def test_weights_that_are_zero_have_no_edges():
    module = random_cnn(3)
    layer = next(layer for layer in module if isinstance(layer, nn.Conv2d))
    whole = Genome.from_torch(module, SHAPE)
    prune.l1_unstructured(layer, "weight", 0.5)  # a mask, which torch multiplies by
    pruned = Genome.from_torch(module, SHAPE)
    assert pruned.n_edges < whole.n_edges
    assert (pruned.weights != 0).all()
    assert_same(module, pruned)
    prune.remove(layer, "weight")
    assert Genome.from_torch(module, SHAPE) == pruned


def test_a_map_without_weights_is_a_constant():
    """It costs nothing, and is added to the biases of what reads it, but for what lies outside."""
    one, two = conv(2, 3), conv(3, 2)
    module = randomised(nn.Sequential(one, nn.ReLU(), two, nn.ReLU(), nn.Flatten(), nn.Linear(FEATURES, 3)))
    with torch.no_grad():
        one.weight[1] = 0
        one.bias[1] = 2
    genome = Genome.from_torch(module, SHAPE)
    assert genome.n_hidden == (2 + 2) * 42
    assert_same(module, genome)


def test_networks_that_were_trained_on_other_images():
    module, mean, std = random_cnn(1), [0.4, -0.3], [0.5, 2.0]
    genome = Genome.from_torch(module, SHAPE, mean=mean, std=std)
    x, (mean, std) = images(), (np.array(each, np.float32).reshape(2, 1, 1) for each in (mean, std))
    with torch.inference_mode():
        expected = module(torch.from_numpy((x - mean) / std)).numpy()
    np.testing.assert_allclose(logits_of(genome, x), expected, rtol=1e-4, atol=1e-4)
    for wrong in ({"std": 0}, {"mean": [1, 2, 3]}, {"mean": "grey"}, {"std": float("nan")}):
        with pytest.raises(GenomeError, match=r"expected (mean|std) as a number or one for each of 2 channels, got"):
            Genome.from_torch(module, SHAPE, **wrong)


def test_programs_and_their_files(tmp_path):
    module, path = random_cnn(5), tmp_path / "net.pt2"
    program = torch.export.export(module, (torch.zeros(1, *SHAPE),))
    torch.export.save(program, path)
    genome = Genome.from_torch(module, SHAPE)
    assert Genome.from_torch(program, SHAPE) == genome == Genome.from_torch(path, SHAPE)
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (torch.zeros(2, *SHAPE),), dynamic_shapes=({0: batch},))
    assert Genome.from_torch(program, SHAPE) == genome
    (tmp_path / "broken.pt2").write_text("nothing")
    for name in ("broken.pt2", "missing.pt2"):
        with pytest.raises(GenomeError, match=rf"{name}.*write one with torch\.export\.save"):
            Genome.from_torch(tmp_path / name, SHAPE)


def test_the_module_stays_as_it_was():
    module = random_cnn(2)
    module.train()
    module[0].eval()
    modes, before = [part.training for part in module.modules()], copy.deepcopy(module.state_dict())
    Genome.from_torch(module, SHAPE)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


class Shifted(nn.Module):
    def forward(self, x):
        return x + 1


MIRRORED = nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")

REFUSED = {
    "maximum pooling": ([nn.MaxPool2d(1)], r"max_pool2d.* in '0' \(MaxPool2d\); use average pooling, or a convolution"),
    "another activation": ([nn.Sequential(nn.GELU())], r"gelu.* in '0\.0' \(GELU\); use ReLU"),
    "a bounded one": ([nn.ReLU6()], r"hardtanh.* in '0' \(ReLU6\); use ReLU"),
    "another normalisation": ([nn.GroupNorm(1, 2)], r"group_norm.* in '0' \(GroupNorm\); use BatchNorm"),
    "another padding": ([MIRRORED], r"pad.* in '0' \(Conv2d\); use zero padding"),
    "no ReLU between": ([conv(2, 2), conv(2, 2)], r"conv2d.* in '1' \(Conv2d\); put a ReLU between it and the linear"),
    "none before the logits": ([conv(2, 2)], r"linear.* in '2' \(Linear\); put a ReLU between it and the linear layer"),
    "a sum of a number": ([Shifted()], r"add.* in '0' \(Shifted\); add two tensors of images of the same shape"),
    "uneven windows": (
        [nn.ReLU(), nn.AdaptiveAvgPool2d(2)],
        r"'1' \(AdaptiveAvgPool2d\); use .* that divides \(7, 6\)",
    ),
    "windows beyond the end": ([nn.ReLU(), nn.AvgPool2d(2, ceil_mode=True)], r"\(AvgPool2d\); use ceil_mode=False"),
    "windows that count less": (
        [nn.ReLU(), nn.AvgPool2d(3, 1, 1, count_include_pad=False)],
        r"'1' \(AvgPool2d\); use count_include_pad=True",
    ),
    "statistics of the batch": (
        [nn.BatchNorm2d(2, track_running_stats=False)],
        r"\(BatchNorm2d\).*track_running_stats",
    ),
    "a layer for each row": ([nn.Linear(6, 6), nn.ReLU()], r"'0' \(Linear\); put Flatten before it"),
    "an unknown operator": ([nn.PixelUnshuffle(1)], r"'0' \(PixelUnshuffle\); a network may have convolutions"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    layers, message = REFUSED[name]
    with pytest.raises(GenomeError, match=message):
        Genome.from_torch(finished(*layers), SHAPE)


def test_what_gives_no_logits():
    with pytest.raises(GenomeError, match=r"softmax.* in '2' \(Softmax\); leave it out: a genome gives logits"):
        Genome.from_torch(randomised(nn.Sequential(*FLAT, nn.Softmax(1))), SHAPE)
    with pytest.raises(GenomeError, match=r"expected a network that gives logits \[batch, classes\]"):
        Genome.from_torch(randomised(conv(2, 2)), SHAPE)


def test_what_is_no_network():
    module = randomised(nn.Sequential(*FLAT))
    with pytest.raises(GenomeError, match="got one for inputs"):
        Genome.from_torch(torch.export.export(module, (torch.zeros(2, *SHAPE),)), (1, 7, 6))
    with pytest.raises(GenomeError, match=r"expected a module that torch.export can trace with images \(1, 7, 6\)"):
        Genome.from_torch(module, (1, 7, 6))
    with pytest.raises(GenomeError, match=r"expected a torch\.nn\.Module"):
        Genome.from_torch(lambda x: x, SHAPE)
    training = nn.Sequential(nn.Dropout(0.5), *FLAT).train()
    with pytest.raises(GenomeError, match=r"'0' \(Dropout\); export the module after net\.eval\(\)"):
        Genome.from_torch(torch.export.export(training, (torch.zeros(2, *SHAPE),)), SHAPE)
    with torch.no_grad():
        module[1].weight[0, 0] = torch.nan
    with pytest.raises(GenomeError, match=r"'1' \(Linear\); its weights must be finite"):
        Genome.from_torch(module, SHAPE)
    huge = nn.Sequential(nn.Conv2d(3, 64, 7, padding=3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(GenomeError, match="expected at most 10,000,000 edges, got"):
        Genome.from_torch(huge, (3, 200, 200))


def test_everything_else_works_on_it(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((120, *SHAPE), np.float32), np.arange(120) % 3
    data = Dataset.from_arrays(x, y, x, y)
    layers = conv(2, 3), nn.BatchNorm2d(3), nn.ReLU(), Block(conv(3, 2), nn.ReLU(), conv(2, 3)), nn.ReLU()
    genome = Genome.from_torch(finished(*layers, nn.AvgPool2d(2)), SHAPE)
    for backend in ("native", "csr"):
        result = train(genome, data, TrainConfig(epochs=1, batch_size=16), seed=0, backend=backend)
        assert np.isfinite(result.val_accuracy)
        np.testing.assert_array_equal(result.genome.shared, genome.shared)
    grown, _ = apply("add_edges", genome, MutationRates(), rng)  # all others share their weights already
    for kind in KINDS:
        apply(kind, grown, MutationRates(), rng)
    assert len(dag_layout(genome).source) == genome.n_edges
    assert edge_density(genome).shape == SHAPE[1:]
    assert receptive_field(genome, genome.n_neurons - 1).any()
    assert network_svg(genome).startswith("<svg")
    assert Genome.from_bytes(genome.to_bytes()) == genome == Genome.from_networkx(genome.to_networkx())
    assert_same(torch.export.load(export_network(genome, tmp_path / "net.pt2")).module(), genome, (FEATURES,))


LARGE = """
import resource, torch
from torch import nn
from workbench import Genome
layers = [nn.Conv2d(3, 9, 3, 1, 1), nn.ReLU(), nn.Conv2d(9, 9, 3, 1, 1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()]
module = nn.Sequential(*layers, nn.Linear(2304, 10))
small = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
Genome.from_torch(small, (1, 2, 2))  # what torch loads to export
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
genome = Genome.from_torch(module, (3, 32, 32))
print(genome.n_edges, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_million_edges_take_little_memory():
    """At most 2 GB for 3 million; torch itself is not counted."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LARGE], capture_output=True, text=True, check=True)
    n_edges, kilobytes = map(int, done.stdout.split())
    assert n_edges > 900_000
    assert kilobytes * (1024 if sys.platform != "darwin" else 1) < 600 * n_edges
