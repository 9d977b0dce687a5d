"""Makes the golden files of tests/train/test_picture_models.c and test_preprocessor.c: what PyTorch gives for small
models of every family of pictures.

    python3 make_images.py [CASE...]   (torch, transformers, safetensors; writes beside itself; deterministic)

For each CASE:
    images/CASE/        a directory of the hub: config.json, model.safetensors, preprocessor_config.json; or
    images/CASE.safetensors     a state dict under the names of another library, for cases without a configuration
    images/CASE_gradient.safetensors    gradient of the first step, of the cases in GRADIENTS
    images/CASE.txt     sizes; logits of the evaluated model; losses of STEPS steps of AdamW; logits after them
Pictures and labels are bytes of a generator that the test repeats (draw). Where there are batch norms, training's loss
is that with the batch's statistics. The modules that are not of transformers are written here, with the names that
torchvision, timm and others gave them.
"""

import importlib.util
import json
import pathlib
import shutil
import sys

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

find_spec = importlib.util.find_spec  # nothing here needs torchvision, which transformers would look for
importlib.util.find_spec = lambda name, *rest: None if name.split(".")[0] == "torchvision" else find_spec(name, *rest)
import transformers  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "images"
STEPS, SAMPLES, CLASSES = 5, 4, 3
IMAGENET = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
HALF = dict(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
GRADIENTS = ["vit"]


def draw(seed, count):
    """Bytes of a linear congruential generator."""
    values, state = numpy.empty(count, numpy.uint8), seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = state >> 24
    return values


def batch_of(case, number):
    """Pictures as [SAMPLES, height, width, channels] of bytes, and labels."""
    height, width, channels = case["size"]
    pictures = draw(number + 1, SAMPLES * height * width * channels).reshape(SAMPLES, height, width, channels)
    return pictures, (draw(number + 101, SAMPLES) % CLASSES).astype(numpy.int64)


def vit(**more):
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
                               num_labels=CLASSES, initializer_range=0.2, **more))  # fmt: skip


CASES = {
    "vit": dict(make=lambda: vit(image_size=8, patch_size=4), size=(8, 8, 3), normal=HALF, hub=True),
    "vit_oblong": dict(make=lambda: vit(image_size=[9, 4], patch_size=[4, 2], num_channels=1, qkv_bias=False,
                                        hidden_act="relu"),
                       size=(9, 4, 1), normal=dict(mean=[0.1], std=[0.3]), hub=True),
}  # fmt: skip


def make_model(case):
    torch.manual_seed(9)
    model = case["make"]()
    with torch.no_grad():  # biases, norms and statistics away from 0 and 1, so that a mistake in one shows
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape))
            elif tensor.dtype.is_floating_point and tensor.dim() == 1:
                tensor += 0.1 * torch.randn_like(tensor)
    return model


def logits_of(case, model, pictures):
    values = torch.from_numpy(pictures).to(next(model.parameters()).dtype) / 255
    normal = case["normal"]
    values = (values - torch.tensor(normal["mean"])) / torch.tensor(normal["std"])
    values = values.to(next(model.parameters()).dtype).permute(0, 3, 1, 2)
    result = model(values)
    return getattr(result, "logits", result)


def line(key, values):
    values = numpy.asarray(values).reshape(-1)
    return key + ": " + " ".join(f"{v:.9g}" for v in values) + "\n"


def run(case, dtype):
    """{logits, losses, trained, gradient}"""
    model = make_model(case).to(dtype)
    model.eval()
    with torch.no_grad():
        result = dict(logits=logits_of(case, model, batch_of(case, 0)[0]))
    model.train()
    for module in model.modules():  # the test's configurations have none, but where it is the family's
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        pictures, labels = batch_of(case, step)
        optimizer.zero_grad()
        loss = F.cross_entropy(logits_of(case, model, pictures), torch.from_numpy(labels))
        loss.backward()
        if step == 0:
            result["gradient"] = {name: p.grad.clone() for name, p in model.named_parameters()}
        losses.append(loss.item())
        optimizer.step()
    model.eval()
    with torch.no_grad():
        result["trained"] = logits_of(case, model, batch_of(case, 0)[0])
    result["losses"] = losses
    return result


def save(name, tensors):
    path = HERE / (name + ".safetensors")
    save_file({key: value.float().contiguous() for key, value in tensors.items()}, path)
    path.chmod(0o644)


def save_hub(name, case, model):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    height, width, _ = case["size"]
    normal = dict(do_rescale=True, rescale_factor=1 / 255, do_normalize=True, image_mean=case["normal"]["mean"],
                  image_std=case["normal"]["std"])  # fmt: skip
    processor = dict(image_processor_type="ViTImageProcessor", do_resize=True, resample=2,
                     size=dict(height=height, width=width), **normal)  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")


def make(name):
    case = CASES[name]
    model = make_model(case)
    result, exact = run(case, torch.float32), run(case, torch.float64)
    for key in ("logits", "trained", "losses"):
        assert numpy.allclose(result[key], exact[key], rtol=1e-4, atol=1e-4), (name, key)
    if case.get("hub"):
        save_hub(name, case, model)
    else:
        save(name, {key: value for key, value in model.state_dict().items() if value.dtype.is_floating_point})
    if name in GRADIENTS:
        if case.get("hub"):  # under the names of the file
            for key, parameter in model.named_parameters():
                parameter.data.copy_(exact["gradient"][key])
            model.save_pretrained(HERE / "scratch")
            shutil.move(HERE / "scratch/model.safetensors", HERE / (name + "_gradient.safetensors"))
            shutil.rmtree(HERE / "scratch")
        else:
            save(name + "_gradient", exact["gradient"])
    text = line("size", case["size"]) + line("logits", exact["logits"]) + line("losses", exact["losses"])
    (HERE / (name + ".txt")).write_text(text + line("trained", exact["trained"]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or CASES:
        make(name)
