"""Makes the golden files of tests/train/test_picture_models.c and test_preprocessor.c: what PyTorch gives for small
models of every family of pictures.

    python3 make_images.py [CASE...]   (torch, transformers, safetensors; writes beside itself; deterministic)

For each CASE:
    images/CASE/        a directory of the hub: config.json, model.safetensors, preprocessor_config.json; or
    images/CASE.safetensors     a state dict under the names of another library, for cases without a configuration
    images/CASE_gradient.safetensors    gradient of the first step, of the cases in GRADIENTS
    images/CASE.txt     sizes; rate of learning; logits of the evaluated model; losses of STEPS steps of SGD; logits
                        after them (one, of next to no rate, where a network so narrow makes noise of rounding);
                        what bytes are moved and divided by, where there is no preprocessor_config.json
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
from torch import nn

find_spec = importlib.util.find_spec  # nothing here needs torchvision, which transformers would look for
importlib.util.find_spec = lambda name, *rest: None if name.split(".")[0] == "torchvision" else find_spec(name, *rest)
import transformers  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "images"
STEPS, SAMPLES, CLASSES, RATE = 5, 4, 3, 0.01
IMAGENET = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
HALF = dict(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
GRADIENTS = ["vit", "cifar_resnet_a", "vgg"]


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


class Basic(nn.Module):
    """A block of torchvision's ResNet, and of the ones for small pictures."""

    def __init__(self, inputs, outputs, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.kind = shortcut if stride != 1 or inputs != outputs else ""
        self.quarter = outputs // 4
        if self.kind in ("downsample", "shortcut"):
            norm = nn.BatchNorm2d(outputs)
            setattr(self, self.kind, nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.kind == "A":
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.quarter, self.quarter))
        elif self.kind:
            x = getattr(self, self.kind)(x)
        return F.relu(x + y)


class Bottleneck(nn.Module):
    """torchvision's."""

    def __init__(self, inputs, outputs, stride, _):
        super().__init__()
        narrow = outputs // 4
        self.conv1, self.bn1 = nn.Conv2d(inputs, narrow, 1, bias=False), nn.BatchNorm2d(narrow)
        self.conv2, self.bn2 = nn.Conv2d(narrow, narrow, 3, stride, 1, bias=False), nn.BatchNorm2d(narrow)
        self.conv3, self.bn3 = nn.Conv2d(narrow, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        if stride != 1 or inputs != outputs:
            norm = nn.BatchNorm2d(outputs)
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


def stages(model, block, inputs, sizes, depths, shortcut):
    for stage, (size, depth) in enumerate(zip(sizes, depths)):
        blocks = [block(inputs if i == 0 else size, size, 2 if i == 0 and stage > 0 else 1, shortcut)
                  for i in range(depth)]  # fmt: skip
        setattr(model, f"layer{stage + 1}", nn.Sequential(*blocks))
        inputs = size


class ResNet(nn.Module):
    """With torchvision's names."""

    def __init__(self, block, stem, sizes, depths):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False), nn.BatchNorm2d(stem)
        stages(self, block, stem, sizes, depths, "downsample")
        self.count, self.fc = len(sizes), nn.Linear(sizes[-1], CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(self.count):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class CifarResNet(nn.Module):
    """With akamaster's names."""

    def __init__(self, sizes, depths, shortcut):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, sizes[0], 3, 1, 1, bias=False), nn.BatchNorm2d(sizes[0])
        stages(self, Basic, sizes[0], sizes, depths, shortcut)
        self.count, self.linear = len(sizes), nn.Linear(sizes[-1], CLASSES)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in range(self.count):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(x.mean((2, 3)))


class Parallel(nn.Module):
    """The names of data-parallel training."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x)


class Vgg(nn.Module):
    """With torchvision's names."""

    def __init__(self, sizes, depths, norms, width):
        super().__init__()
        modules, inputs = [], 3
        for size, depth in zip(sizes, depths):
            for _ in range(depth):
                modules.append(nn.Conv2d(inputs, size, 3, padding=1))
                modules += [nn.BatchNorm2d(size)] if norms else []
                modules.append(nn.ReLU())
                inputs = size
            modules.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*modules)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(nn.Linear(inputs * 49, width), nn.ReLU(), nn.Dropout(), nn.Linear(width, width),
                                        nn.ReLU(), nn.Dropout(), nn.Linear(width, CLASSES))  # fmt: skip

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class Digits(nn.Module):
    def __init__(self, sizes, side, width):
        super().__init__()
        self.conv1 = nn.Conv2d(1, sizes[0], 3, padding=1)
        self.conv2 = nn.Conv2d(sizes[0], sizes[1], 3, padding=1)
        self.fc1 = nn.Linear(sizes[1] * (side // 4) ** 2, width)
        self.fc2 = nn.Linear(width, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def resnet(sizes, **more):
    return transformers.ResNetForImageClassification(
        transformers.ResNetConfig(embedding_size=4, hidden_sizes=sizes, num_labels=CLASSES, **more)
    )


def mobilenet(**more):
    sizes = dict(depth_multiplier=0.0625, depth_divisible_by=2, min_depth=2, expand_ratio=2.0, finegrained_output=False,
                 classifier_dropout_prob=0.0)  # fmt: skip
    return transformers.MobileNetV2ForImageClassification(
        transformers.MobileNetV2Config(num_labels=CLASSES, **(sizes | more))
    )


CASES = {
    "vit": dict(make=lambda: vit(image_size=8, patch_size=4), size=(8, 8, 3), normal=HALF, hub=True),
    "vit_oblong": dict(make=lambda: vit(image_size=[9, 4], patch_size=[4, 2], num_channels=1, qkv_bias=False,
                                        hidden_act="relu"),
                       size=(9, 4, 1), normal=dict(mean=[0.1], std=[0.3]), hub=True),
    "resnet_basic": dict(make=lambda: resnet([2, 4], depths=[1, 2], layer_type="basic"), size=(20, 16, 3),
                         normal=IMAGENET, hub=True),
    "resnet_bottleneck": dict(make=lambda: resnet([4, 8], depths=[2, 1], downsample_in_first_stage=True,
                                                  downsample_in_bottleneck=True, hidden_act="silu"),
                              size=(16, 16, 3), normal=IMAGENET, hub=True),
    "torchvision_resnet_basic": dict(make=lambda: ResNet(Basic, 4, [2, 2, 4, 4], [1, 2, 1, 1]), size=(32, 32, 3),
                                     normal=IMAGENET, rate=0.001),
    "torchvision_resnet_bottleneck": dict(make=lambda: ResNet(Bottleneck, 4, [8, 8, 8, 8], [1, 1, 1, 1]),
                                          size=(32, 32, 3), normal=IMAGENET, rate=0.001),
    "cifar_resnet_a": dict(make=lambda: Parallel(CifarResNet([2, 4, 8], [1, 2, 1], "A")), size=(9, 8, 3),
                           normal=IMAGENET),
    "cifar_resnet_b": dict(make=lambda: CifarResNet([2, 4, 6], [1, 1, 1], "shortcut"), size=(8, 8, 3),
                           normal=IMAGENET),
    "vgg": dict(make=lambda: Vgg([4, 4], [1, 2], False, 6), size=(16, 12, 3), normal=IMAGENET),
    "vgg_norms": dict(make=lambda: Vgg([2, 4], [2, 1], True, 6), size=(28, 28, 3), normal=IMAGENET),
    "digits": dict(make=lambda: Digits([4, 6], 8, 10), size=(8, 8, 1), normal=dict(mean=[0.1307], std=[0.3081])),
    "mobilenet": dict(make=lambda: mobilenet(image_size=[33, 32]), size=(33, 32, 3), normal=HALF, hub=True, rate=1e-5,
                      steps=1),
    "mobilenet_dilated": dict(make=lambda: mobilenet(tf_padding=False, output_stride=8, hidden_act="relu"),
                              size=(24, 24, 3), normal=HALF, rate=1e-5, steps=1, weights="mobilenet"),
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
    optimizer = torch.optim.SGD(model.parameters(), lr=case.get("rate", RATE), momentum=0.9)
    losses = []
    for step in range(case.get("steps", STEPS)):
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
    elif "weights" not in case:  # which are those of another case
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
    text = (
        line("size", case["size"])
        + line("rate", [case.get("rate", RATE)])
        + line("logits", exact["logits"])
        + line("losses", exact["losses"])
    )
    text += line("trained", exact["trained"])
    if not case.get("hub"):
        text += line("shift", 255 * numpy.array(case["normal"]["mean"]))
        text += line("scale", 255 * numpy.array(case["normal"]["std"]))
    (HERE / (name + ".txt")).write_text(text)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False  # which corrupts the heap with convolutions as small as these (2.13)
    for name in sys.argv[1:] or CASES:
        make(name)
