"""The toy transformer as a system of its own."""

from pab_bench.systems.system import System

TOY = System(
    transformers=("ToyTransformer",),
    architecture="engine.toy:ToyArchitecture",
    sampler="nowhere:None",
)
