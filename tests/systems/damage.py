"""Damages checkpoints by program: every kind is a function on a folder that may be changed.

A kind has a name such as `vae/cut`; `words` are what the refusal must have besides part and file.
"""

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

NETWORKS = ("transformer", "vae", "text_encoder")
DEEP = "[" * 100_000 + "]" * 100_000
BINARY = bytes(range(128, 256)) * 8


@dataclass(frozen=True)
class Damage:
    name: str
    part: str
    file: str
    apply: Callable[[Path], None]
    words: tuple[str, ...] = ()


def weights(folder: Path) -> Path:
    return next(folder.glob("*.safetensors"))


def changed_tensors(change):
    def apply(file: Path) -> None:
        tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
        change(tensors, sorted(tensors)[-1])
        file.unlink()
        save_file(tensors, file, metadata={"format": "pt"})

    return apply


def written(content: str | bytes):
    def apply(file: Path) -> None:
        file.unlink(missing_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return apply


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) * 2 // 3])


def as_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def huge_header(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(struct.pack("<Q", 2**40) + content[8:])


def header_that_is_no_json(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:8] + b"#" + content[9:])


def as_pickle(file: Path) -> None:
    tensors = {name: value.numpy() for name, value in load_file(file).items()}
    file.unlink()
    file.write_bytes(pickle.dumps(tensors))


def huge_json(file: Path) -> None:
    file.unlink(missing_ok=True)
    with file.open("wb") as stream:
        stream.write(b'{"a": "')
        stream.seek(300_000_000)
        stream.write(b'"}')


def set_tensor(make):
    return changed_tensors(lambda tensors, name: tensors.update({name: make(tensors[name])}))


def spoiled(value):
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[0] = value
        return tensor

    return set_tensor(change)


def renamed(tensors, name):
    tensors[f"{name}2"] = tensors.pop(name)


OF_WEIGHTS = {
    "cut": (cut, ("damaged",)),
    "emptied": (written(""), ("is empty",)),
    "garbage": (written(BINARY), ("damaged",)),
    "text": (written("<html>404 Not Found</html>"), ("damaged",)),
    "lfs_pointer": (written("version https://git-lfs.github.com/spec/v1\noid 1\n"), ("damaged",)),
    "pickle": (as_pickle, ("damaged",)),
    "huge_header": (huge_header, ("damaged",)),
    "header_no_json": (header_that_is_no_json, ("damaged",)),
    "no_tensor": (changed_tensors(lambda tensors, name: tensors.clear()), ("holds no tensor",)),
    "extra_tensor": (
        changed_tensors(lambda tensors, name: tensors.update(extra=torch.zeros(3))),
        ("tensor extra",),
    ),
    "missing_tensor": (changed_tensors(lambda tensors, name: tensors.pop(name)), ("missing",)),
    "renamed_tensor": (changed_tensors(renamed), ("missing",)),
    "other_shape": (set_tensor(lambda t: torch.cat([t, t])), ("has shape",)),
    "other_rank": (set_tensor(lambda t: t[None]), ("has shape",)),
    "integers": (set_tensor(lambda t: t.to(torch.int8)), ("of type I8",)),
    "switches": (set_tensor(lambda t: t > 0), ("of type BOOL",)),
    "nan": (spoiled(float("nan")), ("NaN or infinity",)),
    "infinity": (spoiled(float("inf")), ("NaN or infinity",)),
    "directory": (as_directory, ("not a file",)),
    "removed": (lambda file: file.unlink(), ("missing:",)),
}
OF_JSON = {
    "emptied": (written(""), ("is empty",)),
    "no_json": (written("{'a': 1}"), ("no JSON",)),
    "cut": (written('{"a": [1, 2'), ("no JSON",)),
    "binary": (written(BINARY), ("no JSON",)),
    "byte_order_mark": (written(b"\xef\xbb\xbf{}"), ("no JSON",)),
    "list": (written("[]"), ("object",)),
    "number": (written("5"), ("object",)),
    "null": (written("null"), ("object",)),
    "deep": (written(DEEP), ("nested",)),
    "deep_object": (written('{"a":' * 100_000), ("nested",)),
    "huge": (huge_json, ("bytes",)),
    "not_a_number": (written('{"a": NaN}'), ("not a number",)),
    "directory": (as_directory, ()),
    "removed": (lambda file: file.unlink(), ("missing:",)),
}


def with_values(**values):
    def apply(file: Path) -> None:
        content = json.loads(file.read_text())
        written(json.dumps(content | values))(file)

    return apply


def layers_of(change):
    """The number of layers, by whatever name the network has for it."""

    def apply(file: Path) -> None:
        content = json.loads(file.read_text())
        keys = ("num_layers", "depth", "layers_per_block", "num_res_blocks")
        key = next((key for key in keys if key in content), None)
        if key is None:  # Open-Sora's autoencoder.
            content["temporal"]["num_res_blocks"] = change(content["temporal"]["num_res_blocks"])
        else:
            content[key] = change(content[key])
        written(json.dumps(content))(file)

    return apply


def first_integer(value):
    """The first size of a configuration with another value."""

    def apply(file: Path) -> None:
        content = json.loads(file.read_text())
        keys = ("num_attention_heads", "num_heads", "latent_channels", "hidden_size")
        key = next((key for key in keys if key in content), None)
        if key is None:
            content["temporal"]["filters"] = value
        else:
            content[key] = value
        written(json.dumps(content))(file)

    return apply


def other_class(file: Path) -> None:
    content = json.loads(file.read_text())
    key = "model_type" if "model_type" in content else "_class_name"
    written(json.dumps(content | {key: "NoSuchNetwork"}))(file)


OF_CONFIG = {
    "more_layers": (layers_of(lambda n: n + 1), ()),
    "fewer_layers": (layers_of(lambda n: n - 1), ()),
    "no_layers": (layers_of(lambda n: 0), ()),
    "negative_layers": (layers_of(lambda n: -n), ()),
    "endless_layers": (layers_of(lambda n: 10**6), ()),
    "huge_layers": (layers_of(lambda n: 10**30), ()),
    "layers_in_words": (layers_of(lambda n: "two"), ()),
    "other_size": (first_integer(3), ()),
    "no_size": (first_integer(0), ()),
    "negative_size": (first_integer(-4), ()),
    "huge_size": (first_integer(10**12), ()),
    "fraction": (first_integer(2.5), ()),
    "other_class": (other_class, ("NoSuchNetwork",)),
}
OF_VAE = {
    "mean_in_words": (with_values(latents_mean="none"), ("latents_mean='none'",)),
    "no_scale": (with_values(scaling_factor=0), ("scaling_factor=0",)),
    "scale_in_words": (with_values(scaling_factor="one"), ("scaling_factor='one'",)),
    "scale_is_null": (with_values(scaling_factor=None), ("scaling_factor=None",)),
}
"""Of diffusers' autoencoders only."""
OF_SCHEDULER = {
    "other_class": (with_values(_class_name="EulerDiscreteScheduler"), ("Euler",)),
    "no_timesteps": (with_values(num_train_timesteps=0), ("num_train_timesteps=0",)),
    "negative_timesteps": (with_values(num_train_timesteps=-5), ("num_train_timesteps=-5",)),
    "huge_timesteps": (with_values(num_train_timesteps=10**12), ("num_train_timesteps=",)),
    "timesteps_in_words": (with_values(num_train_timesteps="many"), ("num_train_timesteps=",)),
}


def index_without(part):
    def apply(file: Path) -> None:
        content = json.loads(file.read_text())
        del content[part]
        written(json.dumps(content))(file)

    return apply


OF_INDEX = {
    "another_system": (with_values(_class_name="StableDiffusionPipeline"), ("StableDiffusion",)),
    "no_class": (with_values(_class_name=None), ("_class_name=None",)),
    "unknown_part": (with_values(transformer=["diffusers", "NoSuchNetwork"]), ("NoSuchNetwork",)),
    "foreign_module": (with_values(vae=["os", "system"]), ("'system'",)),
    "other_tokenizer": (with_values(tokenizer=["transformers", "CLIPTokenizer"]), ("CLIP",)),
    "part_is_null": (with_values(vae=[None, None]), ("vae=",)),
    "part_is_text": (with_values(scheduler="DDIM"), ("scheduler=",)),
    "part_is_missing": (index_without("text_encoder"), ("text_encoder=None",)),
}


def few_words(file: Path) -> None:
    """The words of another language, which are fewer by far."""
    content = json.loads(file.read_text())
    vocabulary = content["model"]["vocab"]
    keep = dict(list(vocabulary.items())[:3]) if isinstance(vocabulary, dict) else vocabulary[:3]
    content["model"]["vocab"] = keep
    written(json.dumps(content))(file)


def more_words(file: Path) -> None:
    content = json.loads(file.read_text())
    vocabulary = content["model"]["vocab"]
    if isinstance(vocabulary, dict):
        more = {f"word{n}": len(vocabulary) + n for n in range(300)}
        content["model"]["vocab"] = vocabulary | more
    else:
        content["model"]["vocab"] = [*vocabulary, *([f"word{n}", -1.0] for n in range(300))]
    written(json.dumps(content))(file)


def shards(folder: Path) -> Path:
    """The text encoder in two files with an index, which is returned."""
    file = weights(folder)
    tensors = load_file(file)
    file.unlink()
    names = sorted(tensors)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    places = {}
    for number, half in enumerate(halves, 1):
        name = f"model-{number:05d}-of-00002.safetensors"
        save_file({n: tensors[n] for n in half}, folder / name, metadata={"format": "pt"})
        places |= dict.fromkeys(half, name)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


def of_shards(change):
    def apply(folder: Path) -> None:
        index = shards(folder)
        content = json.loads(index.read_text())
        change(folder, content)
        index.write_text(json.dumps(content))

    return apply


def without_a_tensor(folder, content):
    shard = sorted(folder.glob("*.safetensors"))[1]
    tensors = load_file(shard)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, shard, metadata={"format": "pt"})


def twice(folder, content):
    first, second = sorted(folder.glob("*.safetensors"))
    name, tensor = sorted(load_file(first).items())[0]
    save_file({**load_file(second), name: tensor}, second, metadata={"format": "pt"})


def index_is(text):
    def apply(folder: Path) -> None:
        shards(folder).write_text(text)

    return apply


OF_SHARDS = {
    "missing_shard": (of_shards(lambda f, c: sorted(f.glob("*.safetensors"))[1].unlink()), ()),
    "cut_shard": (of_shards(lambda f, c: cut(sorted(f.glob("*.safetensors"))[1])), ("damaged",)),
    "shard_without_tensor": (of_shards(without_a_tensor), ("promises",)),
    "tensor_in_two_shards": (of_shards(twice), ("too",)),
    "tensor_not_in_index": (of_shards(lambda f, c: c["weight_map"].popitem()), None),
    "place_elsewhere": (
        of_shards(lambda f, c: c["weight_map"].update(a="../vae/config.json")),
        ("no file's name",),
    ),
    "place_is_number": (of_shards(lambda f, c: c["weight_map"].update(a=5)), ("no file's name",)),
    "index_emptied": (index_is(""), ("is empty",)),
    "index_is_list": (index_is("[]"), ("object",)),
    "index_without_map": (index_is("{}"), ("weight_map",)),
    "index_deep": (index_is(DEEP), ("nested",)),
}


def all_damages() -> list[Damage]:
    found = []
    for part in NETWORKS:
        for name, (change, words) in OF_WEIGHTS.items():
            file = "*.safetensors"
            apply = lambda folder, part=part, change=change: change(weights(folder / part))  # noqa: E731
            found.append(Damage(f"{part}/{name}", part, file, apply, words))
        for name, (change, words) in (OF_JSON | OF_CONFIG).items():
            found.append(_of_file(part, "config.json", name, change, words))
    for name, (change, words) in (OF_JSON | OF_SCHEDULER).items():
        found.append(_of_file("scheduler", "scheduler_config.json", name, change, words))
    for name, (change, words) in OF_JSON.items():
        found.append(_of_file("tokenizer", "tokenizer_config.json", name, change, words))
        if name not in ("list", "number", "null"):
            found.append(_of_file("tokenizer", "tokenizer.json", name, change, words))
    for name in ("list", "number", "null"):
        change = OF_JSON[name][0]
        found.append(_of_file("tokenizer", "tokenizer.json", name, change, ("no tokenizer",)))
    found.append(
        _of_file(
            "tokenizer",
            "tokenizer_config.json",
            "other_class",
            with_values(tokenizer_class="NoSuchTokenizer"),
            ("NoSuchTokenizer",),
        )
    )
    for name, change in (("few_words", few_words), ("more_words", more_words)):
        found.append(_of_file("tokenizer", "tokenizer.json", name, change, ()))
    for name, (change, words) in OF_SHARDS.items():
        if words is not None:
            apply = lambda folder, change=change: change(folder / "text_encoder")  # noqa: E731
            found.append(Damage(f"shards/{name}", "text_encoder", "model", apply, words))
    for name, (change, words) in (OF_JSON | OF_INDEX).items():
        found.append(_of_file("pipeline", "model_index.json", name, change, words))
    return found


def _of_file(part, file, name, change, words) -> Damage:
    def apply(folder: Path) -> None:
        change(folder / file if part == "pipeline" else folder / part / file)

    return Damage(f"{part}/{file}/{name}", part, file, apply, words)


def copied(source: Path, folder: Path) -> Path:
    """A copy whose files are links to the source's, until a damage replaces them."""
    for path in source.rglob("*"):
        place = folder / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    return folder


def remove(folder: Path) -> None:
    shutil.rmtree(folder)
