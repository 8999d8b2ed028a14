"""What a network of einspace costs, and which tensors it has: integer arithmetic over its steps, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

from workbench.individuals import Cost
from workbench.spaces.einspace.network import Network
from workbench.spaces.einspace.shapes import Step, flops_of
from workbench.spaces.tensors import Tensor, he

BATCH_NORM = 2  # FLOPs a value: the running mean and deviation are folded into one scale and one shift
LAYER_NORM = 7  # FLOPs a value: mean, centring, square, sum, division, scale, shift
VIEWS = ("permute", "col2im", "part")  # write no values of their own
SOFTMAX = 4  # FLOPs a value: maximum, exponential, sum, division


def flops(network: Network, step: Step) -> int:
    """2 per multiply-accumulate of one step, per image; down-scaling counts as the convolution that it is."""
    if step.kind == "downscale":
        return 2 * prod(network.read(step))
    if step.kind == "convolution":
        return 2 * prod(step.shape) * inputs_of(network, step)
    return flops_of(step.kind, [network.shape(source) for source in step.sources], step.shape)


def flops_total(network: Network, step: Step) -> int:
    """`flops`, and biases, elementwise operations, norms, activations and the head's mean."""
    values = prod(step.shape)
    of_kind = {
        "linear": values,
        "convolution": values,
        "norm": values * (BATCH_NORM if len(step.shape) == 3 else LAYER_NORM),
        "leaky_relu": values,
        "softmax": values * SOFTMAX,
        "position": values,
        "scaled_dot": values,
        "add": values * (len(step.sources) - 1),
        "mean": prod(network.read(step)),
    }
    return flops(network, step) + of_kind.get(step.kind, 0)


def parameters(network: Network, step: Step) -> int:
    """Trained values of one step."""
    return sum(tensor.size for tensor in tensors(network, step) if tensor.name not in ("mean", "var"))


def cost(network: Network) -> Cost:
    """FLOPs per image and parameters of a whole network."""
    return Cost(*(sum(count(network, step) for step in network.steps) for count in (flops, flops_total, parameters)))


@dataclass(frozen=True)
class Activations:
    """Values of one image in memory, without the weights."""

    largest: int  # of one tensor
    peak: int  # at once, when the network answers
    kept: int  # that all operations of the derivation write: training keeps them for the gradients


def activations(network: Network) -> Activations:
    """What one image takes."""
    live = peak = largest = prod(network.input_shape)
    kept = 0
    for step, freed in zip(network.steps, network.last_readers(), strict=True):
        size = prod(step.shape)
        live, largest = live + size, max(largest, size)
        kept += size if step.key >= 0 and step.kind not in VIEWS else 0
        peak = max(peak, live)
        live -= sum(prod(network.shape(place)) for place in freed)
    return Activations(largest, peak, kept)


def layout(network: Network) -> tuple[Tensor, ...]:
    """The tensors of a network, step by step; `modules.build` has the same in the same order."""
    return tuple(tensor for step in network.steps for tensor in tensors(network, step))


def tensors(network: Network, step: Step) -> tuple[Tensor, ...]:
    """The tensors of one step."""
    if step.kind in ("linear", "convolution"):
        inputs = inputs_of(network, step)
        outputs = step.shape[0] if len(step.shape) == 3 and step.kind == "convolution" else step.shape[-1]
        init = he(inputs) if step.key >= 0 else (0.0, sqrt(1 / inputs))  # the head: logits of variance 1
        weight = Tensor(step.key, step.copy, "weight", (outputs, inputs), init)
        return weight, Tensor(step.key, step.copy, "bias", (outputs,))
    if step.kind == "position":
        return (Tensor(step.key, step.copy, "position", step.shape, (0.0, 1.0)),)
    if step.kind != "norm":
        return ()
    image = len(step.shape) == 3
    shape = (step.shape[0 if image else -1],)
    starts = {"scale": 1.0, "shift": 0.0} | ({"mean": 0.0, "var": 1.0} if image else {})
    return tuple(Tensor(step.key, step.copy, name, shape, (start, 0.0)) for name, start in starts.items())


def inputs_of(network: Network, step: Step) -> int:
    """Numbers that each output of a linear map or convolution sees."""
    shape = network.read(step)
    return shape[0] * step.args[0] ** 2 if step.kind == "convolution" else shape[-1]
