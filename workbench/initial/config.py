"""What the initial population looks like."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import ConfigError
from workbench.genome.validation import NORMALIZATIONS
from workbench.settings import check_settings, documented, setting
from workbench.spatial import SpatialLaw

INITIAL_KINDS = ("random", "dense", "local", "convolution")
"""Kinds of initial genomes, each a field of `InitialConfig`: its share."""


@documented
@dataclass(frozen=True)
class InitialConfig:
    """What the initial population looks like; shares are divided by their sum."""

    random: float = setting(1.0, "share of random genomes", low=0)
    dense: float = setting(0.0, "share of dense MLPs", low=0)
    local: float = setting(0.0, "share of plain local windows", low=0)
    convolution: float = setting(0.0, "share of convolutions: shared weights and pooling windows", low=0)
    hidden_layers: tuple[int, int] = setting((1, 4), "random genomes: number of hidden layers", low=1)
    layer_size: tuple[float, float] = setting(
        (0.4, 2.0), "random genomes: size of the first hidden layer, as a fraction", unit="of the inputs", above=0
    )
    edges_per_neuron: tuple[float, float] = setting((5, 20), "random genomes: edges over neurons", above=0)
    dense_widths: tuple[int, int] = setting((8, 64), "dense MLPs: width of a layer", unit="neurons", low=1)
    maps: tuple[int, int] = setting((1, 4), "windows: maps of the first layer, drawn log-uniformly", low=1)
    maps_growth: tuple[float, float] = setting(
        (1.0, 4.0), "windows: factor by which each later layer has more maps", above=0
    )
    spatial_base: float = setting(4.0, "spatial law: decay length at layer 0", unit="pixels", above=0)
    spatial_per_layer: float = setting(1.5, "spatial law: what each layer adds to it", unit="pixels", low=0)
    normalization: str = setting(
        "layer", "LayerNorm over layers of at least 8 neurons, or none", choices=NORMALIZATIONS
    )
    flops: tuple[float, float] | None = setting(
        None, "sizes to spread the population over log-uniformly; None for sizes as they come", unit="FLOPs", above=0
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not any(getattr(self, kind) for kind in INITIAL_KINDS):
            raise ConfigError("at least one kind of initial genomes needs a share above 0, got 0 for all four")

    @property
    def law(self) -> SpatialLaw:
        """The spatial law with these constants."""
        return SpatialLaw(self.spatial_base, self.spatial_per_layer)
