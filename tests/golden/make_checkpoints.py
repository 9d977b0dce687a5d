"""Writes tests/golden/checkpoints/: small files of tensors as torch.save writes them, of both kinds and in the shapes
in which they are found, with the same tensors in tensors.safetensors; and sets of shards with their index. Needs torch,
safetensors and huggingface_hub. The keys within the older kind are addresses: its bytes are others each time."""

import os
import zipfile
from collections import OrderedDict

import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.manual_seed(7)
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checkpoints")
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


def every_dtype():
    tensors = OrderedDict()
    tensors["float32"] = torch.randn(2, 3)
    for name in ("float16", "bfloat16", "float64"):
        tensors[name] = torch.randn(3).to(getattr(torch, name))
    for name in ("int64", "int32", "int16", "int8", "uint8"):
        tensors[name] = torch.arange(100, 105).to(getattr(torch, name))
    tensors["bool"] = torch.tensor([True, False, True])
    return tensors


def every_shape():
    tensors = OrderedDict()
    matrix = torch.randn(3, 4)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["matrix"] = matrix
    tensors["tied"] = matrix  # one storage
    tensors["transposed"] = matrix.t()
    tensors["row"] = matrix[1]  # an offset
    tensors["columns"] = matrix[:, 1:3]  # an offset and a stride
    tensors["reversed"] = torch.randn(2, 3, 4).permute(2, 1, 0)
    tensors["every_other"] = torch.arange(10, dtype=torch.int64)[1::2]
    tensors["expanded"] = torch.arange(3, dtype=torch.int32).expand(2, 3)
    tensors["parameter"] = torch.nn.Parameter(torch.randn(2, 2))
    return tensors


tensors = every_dtype()
tensors.update(every_shape())
straight = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
save_file(straight, path("tensors.safetensors"))
torch.save(tensors, path("zip.pt"))
torch.save(tensors, path("older.pt"), _use_new_zipfile_serialization=False)
torch.save(dict(tensors), path("protocol_4.pt"), pickle_protocol=4)

# zip64, though nothing here is large
limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 10
with zipfile.ZipFile(path("zip.pt")) as source, zipfile.ZipFile(path("zip64.pt"), "w") as target:
    for info in source.infolist():
        if ".data/" not in info.filename:
            target.writestr(info.filename, source.read(info.filename))
zipfile.ZIP64_LIMIT = limit
with zipfile.ZipFile(path("zip.pt")) as source, zipfile.ZipFile(path("compressed.pt"), "w") as target:
    target.writestr("compressed/data.pkl", source.read("zip/data.pkl"), zipfile.ZIP_DEFLATED)

# what the library has no dtype for, and dtypes that have no storage of their own
odd = {"complex": torch.zeros(2, dtype=torch.complex64), "float8": torch.zeros(2).to(torch.float8_e4m3fn)}
odd.update({name: torch.arange(2, 4).to(getattr(torch, name)) for name in ("uint16", "uint32", "uint64")})
torch.save(odd, path("odd.pt"))

# as a training script writes it: of several devices, with an optimizer that has been used
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 2, 4])
model(torch.randn(5, 3)).sum().backward()
optimizer.step()
scheduler.step()
script = {
    "epoch": 3,
    "best": 0.75,
    "arch": "small",
    "big": 1 << 80,
    "state_dict": OrderedDict(("module." + name, tensor) for name, tensor in model.state_dict().items()),
    "optimizer": optimizer.state_dict(),
    "scheduler": scheduler.state_dict(),
    "shape": torch.Size([1, 2]),
    "history": [1.5, None, True, -1, -70000, (1, 2)],
}
torch.save(script, path("script.pt"))
torch.save(script, path("script_older.pt"), _use_new_zipfile_serialization=False)
save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path("script.safetensors"))

torch.save(model, path("module.pt"))

# cut into shards, of the largest tensors first where they are safetensors
save_torch_state_dict(straight, path("shards"), max_shard_size=100)
save_torch_state_dict(straight, path("shards"), max_shard_size=150, safe_serialization=False)
