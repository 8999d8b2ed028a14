"""Exported networks say what ours say, without our package."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from strategies import genomes

from workbench.compiler.export import export_network, export_onnx, onnx_model
from workbench.compiler.network import interpret
from workbench.datasets import Dataset, load_dataset
from workbench.errors import ConfigError, ExportError, WeightsError
from workbench.genome import Genome
from workbench.initial import CONVOLUTION, initialise, random_genome, windowed
from workbench.training import TrainConfig, train
from workbench.training.native.trainer import NativeTrainer

onnxruntime = pytest.importorskip("onnxruntime")


def run_onnx(model, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model if isinstance(model, str) else model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"images": images.reshape(len(images), -1)})[0]


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def trained(digits):
    genome = random_genome(digits.shape, 10, np.random.default_rng(0), hidden_layers=(3, 3))
    return train(genome, digits, TrainConfig(epochs=3, learning_rate=0.01, batch_size=32)).genome


def test_onnx_equals_native_on_the_whole_test_set(trained, digits, tmp_path):
    path = export_onnx(trained, tmp_path / "net.onnx")
    images, labels = digits.arrays("test")
    ours = NativeTrainer(trained, digits).predict("test")
    theirs = run_onnx(str(path), images)
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)
    assert (theirs.argmax(1) == ours.argmax(1)).all()
    assert (theirs.argmax(1) == labels).mean() > 0.8
    for batch in (1, 3):  # a dynamic batch
        np.testing.assert_allclose(run_onnx(str(path), images[:batch]), ours[:batch], rtol=1e-4, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(genome=genomes())
def test_onnx_equals_the_interpreter(genome):
    genome = initialise(genome, np.random.default_rng(0))
    images = np.random.default_rng(1).standard_normal((3, genome.n_inputs)).astype(np.float32)
    expected = interpret(genome, torch.from_numpy(images)).numpy()
    for layout in ("auto", "scatter", "gather"):
        np.testing.assert_allclose(run_onnx(onnx_model(genome, layout), images), expected, rtol=1e-3, atol=1e-4)


def test_files_say_what_a_stranger_must_know(trained, digits, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(export_onnx(trained, tmp_path / "net.onnx", data=digits))
    facts = {each.key: each.value for each in model.metadata_props}
    files = {"workbench.json": ""}
    torch.export.load(export_network(trained, tmp_path / "net.pt2", digits), extra_files=files)
    theirs = json.loads(files["workbench.json"])
    for name, value in theirs.items():
        assert facts[name] == (value if isinstance(value, str) else json.dumps(value))
    assert theirs["input_shape"] == [1, 8, 8]
    assert theirs["class_names"] == list(digits.class_names)
    assert (theirs["mean"], theirs["std"]) == (digits.mean.tolist(), digits.std.tolist())
    assert theirs["images"] == "(image - mean) / std, flattened, float32 [batch, inputs]"


def wine() -> Dataset:
    """Features of a table, each in units of its own."""
    rows = np.random.default_rng(0).normal([0, 500, -3], [1, 100, 0.01], (60, 1, 3)).astype(np.float32)
    return Dataset.from_arrays(rows, np.arange(60) % 2, rows, np.arange(60) % 2)


@pytest.mark.parametrize("table", [False, True])
def test_raw_images_go_in(trained, digits, tmp_path, table):
    data = wine() if table else digits
    genome = trained
    if table:
        genome = random_genome(data.shape, 2, np.random.default_rng(0), hidden_layers=(1, 1), edges_per_neuron=(1, 1))
    raw, expected = data.images("test"), NativeTrainer(genome, data).predict("test")
    session = onnxruntime.InferenceSession(export_onnx(genome, tmp_path / "net.onnx", data=data, raw=True))
    given = session.get_inputs()[0]
    assert (given.type, given.shape) == (f"tensor({'float' if table else 'uint8'})", ["batch", *data.shape])
    np.testing.assert_allclose(session.run(None, {"images": raw})[0], expected, rtol=1e-3, atol=1e-3)
    program = torch.export.load(export_network(genome, tmp_path / "net.pt2", data, raw=True)).module()
    np.testing.assert_allclose(program(torch.tensor(raw)).detach(), expected, rtol=1e-3, atol=1e-3)


def test_raw_images_need_the_data(trained, tmp_path):
    with pytest.raises(ExportError, match="raw images need the data set"):
        export_onnx(trained, tmp_path / "net.onnx", raw=True)
    with pytest.raises(ExportError, match=r"expected the data that the network was trained on, .* got custom"):
        export_network(trained, tmp_path / "net.pt2", wine())
    with pytest.raises(ExportError, match=r"use \.pt2 or \.pt or \.onnx for raw ones"):
        export_network(trained, tmp_path / "net.npz", raw=True)


def test_onnx_of_shared_weights(digits):
    genome = windowed(digits.shape, 10, np.random.default_rng(0), windows=CONVOLUTION)
    assert (genome.shared >= 0).any()
    images = digits.arrays("test")[0][:8]
    expected = interpret(genome, torch.from_numpy(images.reshape(8, -1))).numpy()
    np.testing.assert_allclose(run_onnx(onnx_model(genome), images), expected, rtol=1e-3, atol=1e-4)


def test_onnx_files_are_compact_and_standard(trained):
    model = onnx_model(trained)
    assert {node.domain for node in model.graph.node} == {""}
    edges = random_genome((1, 28, 28), 10, np.random.default_rng(0), edges_per_neuron=(5, 5))
    size = len(onnx_model(edges).SerializeToString())
    assert size < 8.1 * edges.n_edges + 4 * edges.n_neurons + 4096  # a place and a value an edge, no full matrices


def test_a_genome_without_weights_is_no_network(tmp_path):
    genome = Genome.from_edges((1, 1, 2), 1, [0, 1], [2, 2])
    for name in ("net.onnx", "net.pt2"):
        with pytest.raises(WeightsError, match="never trained"):
            export_network(genome, tmp_path / name)
    with pytest.raises(ExportError, match=r"must end in one of .*\.onnx.*'.bmp'"):
        export_network(genome, tmp_path / "net.bmp")
    with pytest.raises(ConfigError, match="unknown layout 'dense'"):
        export_onnx(genome.with_parameters([1, 1], [0]), tmp_path / "net.onnx", "dense")


def test_without_the_package_the_error_says_what_to_install(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ExportError, match=r"pip install 'neuron-workbench\[onnx\]'"):
        export_onnx(trained, tmp_path / "net.onnx")


def printed_reader() -> str:
    """The reader exactly as the documentation prints it."""
    text = (Path(__file__).parents[2] / "docs" / "howto" / "export.md").read_text("utf-8")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def predict(" in block]
    assert len(blocks) == 1
    return blocks[0]


def test_the_printed_reader_is_short_and_needs_numpy_alone():
    lines = [line for line in printed_reader().splitlines() if line.strip()]
    assert len(lines) <= 20
    assert [line for line in lines if line.startswith(("import", "from"))] == ["import json", "import numpy as np"]


def test_the_printed_reader_equals_native_on_the_whole_test_set(trained, digits, tmp_path):
    path = export_network(trained, tmp_path / "net.npz")
    namespace: dict = {}
    exec(printed_reader(), namespace)
    theirs = namespace["predict"](path, digits.arrays("test")[0])
    ours = NativeTrainer(trained, digits).predict("test")
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(genome=genomes())
def test_the_printed_reader_equals_the_interpreter(genome):
    namespace: dict = {}
    exec(printed_reader(), namespace)
    images = np.random.default_rng(1).standard_normal((3, *genome.input_shape)).astype(np.float32)
    expected = interpret(genome, torch.from_numpy(images.reshape(3, -1))).numpy()
    theirs = namespace["predict"](io.BytesIO(genome.to_bytes()), images)
    np.testing.assert_allclose(theirs, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif("WORKBENCH_DATA" not in os.environ, reason="real data sets are where $WORKBENCH_DATA says")
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_exports_equal_native_on_real_test_sets(name, tmp_path):
    data = load_dataset(name)
    genome = random_genome(data.shape, 10, np.random.default_rng(0), layer_size=(0.3, 0.3), edges_per_neuron=(5, 5))
    genome = train(genome, data.subset(2000), TrainConfig(epochs=1)).genome
    ours = NativeTrainer(genome, data).predict("test")
    images = data.arrays("test")[0]
    np.testing.assert_allclose(run_onnx(onnx_model(genome), images), ours, rtol=1e-3, atol=1e-3)
    namespace: dict = {}
    exec(printed_reader(), namespace)
    path = export_network(genome, tmp_path / "net.npz")
    few = namespace["predict"](path, images[:1000])
    np.testing.assert_allclose(few, ours[:1000], rtol=1e-3, atol=1e-3)
