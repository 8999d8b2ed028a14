"""Training on a GPU. Where torch sees none the same tests run on the CPU alone, so that their code is exercised."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from devices import lacks_cuda, on_devices

from workbench.compiler.network import PRODUCTS, NeuronNetwork, check_device, interpret
from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, random_genome, windowed
from workbench.search import Search, SearchConfig, open_run
from workbench.spaces import NeuronSpace
from workbench.training import TrainConfig, train

CONFIG = TrainConfig(epochs=2, batch_size=64, learning_rate=0.01, shift=1)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module", params=["random", "shared weights", "no normalisation"])
def genome(request: pytest.FixtureRequest, digits: Dataset) -> Genome:
    rng = np.random.default_rng(0)
    if request.param == "shared weights":
        return windowed(digits.shape, 10, rng, windows=CONVOLUTION)
    made = random_genome(digits.shape, 10, rng, hidden_layers=(3, 3), edges_per_neuron=(4, 6))
    return made if request.param == "random" else dataclasses.replace(made, normalization="none")


@on_devices
@pytest.mark.parametrize("backend", PRODUCTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_values_and_gradients_on_a_device(genome, digits, device, backend, dtype):
    network = NeuronNetwork(genome, backend, device=device, dtype=dtype)
    whole = network.genome  # with the weights that were drawn
    weights = torch.tensor(whole.weights, dtype=torch.float64, requires_grad=True)
    images = torch.from_numpy(digits.arrays("test")[0][:32])
    expected = interpret(whole, images.flatten(1).double(), weights)
    logits = network(images.to(device))
    assert logits.device.type == device
    assert logits.dtype == dtype
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(logits.cpu().double(), expected, **near)
    (logits**2).mean().backward()
    (expected**2).mean().backward()
    plan = network.plan
    gradient = np.zeros(plan.n_weights)
    np.add.at(gradient, plan.parameters, weights.grad[plan.edges])
    near = {name: 100 * size for name, size in near.items()}
    np.testing.assert_allclose(network.weight.grad.cpu(), gradient, **near)


@on_devices
def test_training_on_a_device_follows_the_native_kernels(genome, digits, device):
    reference = train(genome, digits, CONFIG, seed=1)
    result = train(genome, digits, CONFIG, seed=1, backend="csr", device=device)
    assert result.failure is None
    assert result.val_accuracy == pytest.approx(reference.val_accuracy, abs=0.02)
    for name in ("train_loss", "train_accuracy"):
        ours, theirs = ([row[name] for row in each.history] for each in (result, reference))
        np.testing.assert_allclose(ours, theirs, atol=0.01)
    if genome.normalization == "layer":  # else rounding errors grow faster
        assert np.abs(result.genome.weights - reference.genome.weights).mean() < 1e-3


@on_devices
def test_state_moves_between_devices(genome, digits, device):
    network = NeuronNetwork(genome, device=device)
    assert {tensor.device.type for tensor in [*network.parameters(), *network.buffers()]} == {device}
    state = network.state_dict()
    assert set(state) == {"weight", "bias"}
    other = NeuronNetwork(genome, seed=1)
    other.load_state_dict(state)
    images = torch.from_numpy(digits.arrays("test")[0][:8])
    there = network(images.to(device)).cpu()
    torch.testing.assert_close(other(images), there, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network.to("cpu")(images), there, rtol=1e-4, atol=1e-4)


@on_devices
def test_a_network_trained_on_a_device_is_exported(digits, device, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    genome = random_genome(digits.shape, 10, np.random.default_rng(1))
    network = NeuronNetwork(genome, device=device)
    images = torch.from_numpy(digits.arrays("test")[0][:8])
    space = NeuronSpace.for_data(digits)
    session = onnxruntime.InferenceSession(space.export(network.to_genome(), ".onnx"))
    (answer,) = session.run(None, {session.get_inputs()[0].name: images.flatten(1).numpy()})
    torch.testing.assert_close(
        torch.from_numpy(answer), network(images.to(device)).detach().cpu(), rtol=1e-4, atol=1e-4
    )


@on_devices
def test_dropout_draws_on_the_device(digits, device):
    genome = random_genome(digits.shape, 10, np.random.default_rng(2))
    images = torch.from_numpy(digits.arrays("test")[0][:8]).to(device)
    networks = [NeuronNetwork(genome, dropout=0.5, seed=seed, device=device) for seed in (3, 3, 4)]
    one, same, other = (network(images) for network in networks)
    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other)


@on_devices
def test_a_search_trains_on_a_device(digits, device, tmp_path):
    space = NeuronSpace.for_data(digits).changed({"backend": "csr", "device": device})
    config = SearchConfig(population=3, children=2, generations=1, train=TrainConfig(epochs=1))
    search = Search(digits, config, tmp_path / "run.sqlite", space)
    search.run(progress=False)
    search.close()
    run = open_run(tmp_path / "run.sqlite")
    assert run.space.device == device
    assert (run.individuals["status"] == "ok").all()


@lacks_cuda
@pytest.mark.parametrize("device", ["cuda", "cuda:7", "nonsense"])
def test_a_device_that_is_not_there(digits, device):
    genome = random_genome(digits.shape, 10, np.random.default_rng(0))
    for attempt in (
        lambda: check_device(device),
        lambda: NeuronNetwork(genome, device=device),
        lambda: train(genome, digits, backend="csr", device=device),
    ):
        with pytest.raises(ConfigError, match=f"device '{device}' cannot be used here .*; expected 'cpu', or where"):
            attempt()


@lacks_cuda
def test_a_search_is_refused_where_its_device_is_not_there(digits, tmp_path):
    space = NeuronSpace.for_data(digits).changed({"backend": "csr", "device": "cuda"})
    with pytest.raises(ConfigError, match="device 'cuda' cannot be used here"):
        Search(digits, SearchConfig(), tmp_path / "run.sqlite", space)
    assert not list(tmp_path.iterdir())


def test_devices_of_a_search(digits):
    space = NeuronSpace.for_data(digits)
    assert space.device == "cpu"
    with pytest.raises(ConfigError, match="the native backend runs on the CPU, got device 'cuda'; use backend='csr'"):
        space.changed({"device": "cuda"})
    with pytest.raises(ConfigError, match="device expects one of cpu, cuda"):
        space.changed({"backend": "csr", "device": "tpu"})
