"""Makes the golden files of tests/train/test_golden.c: what PyTorch and transformers give for small networks.

    python3 make_golden.py        (torch, transformers, safetensors; writes beside itself; deterministic)

Text files hold lines "key: number number ...". For the two networks NET = mlp and gpt:
    NET.safetensors            initial weights
    NET_gradient.safetensors   gradient of the first batch, under the names of the parameters
    NET.txt                    the 20 batches; for each optimizer its settings, the loss of each of 20 steps, and of the
                               final weights, a parameter a line: the sum of squares and the sum against a fixed pattern
loss.txt holds losses over one linear layer with their gradients: ignored labels, smoothing, class weights and so on.

Every run is made in float64 as well and must agree, so that the stored figures are known to be far more exact than what
the test asks for. Numbers that are stored as text come back as the same float32.
"""
import pathlib

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 20
# name: kind, learning rate, momentum, nesterov, beta1, beta2, epsilon, weight decay, matrices only, clip norm
OPTIMIZERS = {
    "sgd": ("sgd", 0.1, 0.9, 0, 0.9, 0.999, 1e-8, 0.0, 0, 0.0),
    "nesterov": ("sgd", 0.05, 0.8, 1, 0.9, 0.999, 1e-8, 0.01, 0, 0.0),
    "adam": ("adam", 0.003, 0.0, 0, 0.9, 0.999, 1e-8, 0.0, 0, 0.0),
    "adam_decay": ("adam", 0.003, 0.0, 0, 0.9, 0.99, 1e-6, 0.05, 0, 0.0),
    "adamw": ("adamw", 0.003, 0.0, 0, 0.9, 0.999, 1e-8, 0.01, 0, 0.0),
    "adamw_clip": ("adamw", 0.003, 0.0, 0, 0.9, 0.99, 1e-8, 0.1, 1, 0.25),
}


def save(parameters, name):
    path = HERE / (name + ".safetensors")
    save_file({key: value.detach().contiguous() for key, value in parameters}, path)
    path.chmod(0o644)


def line(key, values):
    values = numpy.asarray(values).reshape(-1)
    if numpy.issubdtype(values.dtype, numpy.integer):
        return key + ": " + " ".join(str(v) for v in values) + "\n"
    return key + ": " + " ".join(f"{v:.9g}" for v in values) + "\n"


def rounded(generator, *shape):
    """Normal numbers with two decimals: short as text, and the same in every reader."""
    return numpy.round(generator.standard_normal(shape), 2).astype(numpy.float32)


def make_optimizer(model, settings):
    kind, rate, momentum, nesterov, beta1, beta2, epsilon, decay, matrices_only, _ = settings
    parameters = list(model.parameters())
    groups = [{"params": parameters, "weight_decay": decay}]
    if matrices_only:
        groups = [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": decay},
                  {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=bool(nesterov))
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](
        groups, lr=rate, betas=(beta1, beta2), eps=epsilon
    )


def train(make_model, loss_of, batches, settings, dtype):
    """Losses of each step and the final parameters."""
    model = make_model().to(dtype)
    optimizer = make_optimizer(model, settings)
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        if settings[-1] > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings[-1])
        optimizer.step()
        losses.append(loss.item())
    return losses, dict(model.named_parameters())


def summary(tensor):
    values = tensor.detach().double().reshape(-1).numpy()
    pattern = (numpy.arange(values.size) * 37 % 101) / 50.0 - 1.0
    return [float(values @ values), float(values @ pattern)]


def relative(a, b):
    return max(abs(x - y) / max(abs(y), 1e-30) for x, y in zip(a, b))


def golden_network(name, make_model, loss_of, batches, batch_lines):
    model = make_model()
    save(model.named_parameters(), name)
    loss_of(model, batches[0]).backward()
    save(((key, value.grad) for key, value in model.named_parameters()), f"{name}_gradient")
    text = "".join(batch_lines)
    for optimizer, settings in OPTIMIZERS.items():
        losses, final = train(make_model, loss_of, batches, settings, torch.float32)
        exact, _ = train(make_model, loss_of, batches, settings, torch.float64)
        print(
            f"{name} {optimizer}: loss {losses[0]:.4f} to {losses[-1]:.4f}, "
            f"float32 against float64 {relative(losses, exact):.1e}"
        )
        assert relative(losses, exact) < 2e-5
        kind = {"adamw": 0, "adam": 1, "sgd": 2}[settings[0]]
        text += line(f"{optimizer} settings", [float(kind), *settings[1:]])
        text += line(f"{optimizer} losses", losses)
        for key, value in final.items():
            text += line(f"{optimizer} final {key}", summary(value))
    return text


def make_mlp():
    torch.manual_seed(11)
    model = torch.nn.Sequential()
    for place, (inputs, outputs) in enumerate([(12, 17), (17, 9), (9, 5)]):
        model.add_module(f"{place}", torch.nn.Linear(inputs, outputs))
    return model


def mlp_logits(model, features):
    hidden = F.relu(model[0](features))
    return model[2](F.gelu(model[1](hidden)))


def mlp_loss(model, batch):
    features, label = batch
    return F.cross_entropy(mlp_logits(model, features.to(model[0].weight.dtype)), label)


def golden_mlp():
    generator = numpy.random.default_rng(5)
    batches, lines = [], []
    rule = generator.standard_normal((12, 5))
    for step in range(STEPS):
        features = rounded(generator, 8, 12)
        label = (features @ rule).argmax(axis=1)
        batches.append((torch.from_numpy(features), torch.from_numpy(label)))
        lines += [line(f"features {step}", features), line(f"label {step}", label)]
    (HERE / "mlp.txt").write_text(golden_network("mlp", make_mlp, mlp_loss, batches, lines))


def make_gpt():
    torch.manual_seed(12)
    config = GPT2Config(vocab_size=29, n_positions=14, n_embd=20, n_layer=2, n_head=2, activation_function="gelu_new",
                        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, layer_norm_epsilon=1e-5, initializer_range=0.2,
                        use_cache=False, bos_token_id=0, eos_token_id=0)
    config._attn_implementation = "eager"
    model = GPT2LMHeadModel(config)
    with torch.no_grad():  # biases and norms away from 0 and 1, so that a mistake in one shows
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter += 0.1 * torch.randn_like(parameter)
    return model


def token_losses(model, tokens, labels):
    """Sum of one sample's losses and the number of its labels that count."""
    logits = model(input_ids=tokens[None]).logits[0]
    total = F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return total, (labels != -100).sum()


def gpt_loss(model, batch):
    """The mean over all labels of all samples, each sample run alone: what a ragged batch without padding must give."""
    parts = [token_losses(model, tokens, labels) for tokens, labels in batch]
    return sum(p[0] for p in parts) / sum(p[1] for p in parts)


def ragged_case(name, batch):
    model = make_gpt()
    loss = gpt_loss(model, batch)
    loss.backward()
    text = line(f"{name} tokens", torch.cat([tokens for tokens, _ in batch]).numpy())
    text += line(f"{name} labels", torch.cat([labels for _, labels in batch]).numpy())
    text += line(f"{name} lengths", [len(tokens) for tokens, _ in batch])
    text += line(f"{name} loss", [loss.item()])
    for key, value in model.named_parameters():
        text += line(f"{name} gradient {key}", summary(value.grad))
    return text


def golden_gpt():
    generator = numpy.random.default_rng(6)
    batches, lines = [], []
    pattern = generator.integers(0, 29, 64)  # a text with something to learn in it
    for step in range(STEPS):
        batch = []
        for _ in range(4):
            start = generator.integers(0, 64)
            run = torch.from_numpy(pattern[(start + numpy.arange(13)) % 64])
            batch.append((run[:-1], run[1:]))
        batches.append(batch)
        lines += [line(f"tokens {step}", torch.stack([tokens for tokens, _ in batch]).numpy()),
                  line(f"labels {step}", torch.stack([labels for _, labels in batch]).numpy())]
    text = golden_network("gpt", make_gpt, gpt_loss, batches, lines)

    def sample(length):
        run = torch.from_numpy(generator.integers(0, 29, length + 1))
        return run[:-1].clone(), run[1:].clone()

    ragged = [sample(length) for length in (5, 14, 1, 9, 2)]
    text += ragged_case("ragged", ragged)
    ignored = [sample(length) for length in (7, 3, 11)]
    for _, labels in ignored:
        labels[generator.random(len(labels)) < 0.4] = -100
    ignored[1][1][:] = -100  # one sample without any label that counts
    text += ragged_case("ignored", ignored)
    # Labels that the library derives: each token's label is the next one, the last has none.
    derived = [(tokens, torch.cat([tokens[1:], torch.tensor([-100])])) for tokens, _ in ragged]
    text += ragged_case("derived", derived)
    (HERE / "gpt.txt").write_text(text)


def golden_loss():
    """Losses of one linear layer 7 -> 6 over 9 rows, some with weights of rows or of elements."""
    generator = numpy.random.default_rng(7)
    rows, inputs, classes = 9, 7, 6
    src, weight, bias = (
        rounded(generator, rows, inputs),
        rounded(generator, classes, inputs),
        rounded(generator, classes),
    )
    label = generator.integers(0, classes, rows)
    holes = label.copy()
    holes[[2, 3, 8]] = -100
    target = rounded(generator, rows, classes)
    chance = numpy.round(generator.random((rows, classes)), 2).astype(numpy.float32)
    weights = numpy.array([0.5, 2.0, 1.0, 0.25, 1.5, 3.0], dtype=numpy.float32)
    share = numpy.array([[1, 2, 3, 0, 1, 1], [8, 0, 0, 0, 0, 0], [1, 1, 1, 1, 2, 2]] * 3, dtype=numpy.float32) / 8
    elements = numpy.round(4 * generator.random((rows, classes)), 2).astype(numpy.float32)
    elements[generator.random((rows, classes)) < 0.2] = 0
    of_rows = numpy.array([1, 0, 2.5, 0.25, 3, 1, 0, 0.5, 4], dtype=numpy.float32)
    t = torch.from_numpy
    text = (line("src", src) + line("weight", weight) + line("bias", bias) + line("label", label) + line("holes", holes)
            + line("target", target) + line("chance", chance) + line("class_weights", weights) + line("share", share)
            + line("elements", elements) + line("rows", of_rows))

    def mean(losses, v, counts=1.0):
        """The weighted mean: of losses that are times their counts already, as torch's are with class weights."""
        v = t(v).to(losses.dtype).reshape(-1, *[1] * (losses.dim() - 1)) if v.ndim == 1 else t(v).to(losses.dtype)
        return (losses * v).sum() / (torch.ones_like(losses) * v * counts).sum()

    def entropies(x, y, **options):
        return F.cross_entropy(x, y, reduction="none", **options)

    def class_weights_of(y, x):
        """Of each row's label; 0 where it is ignored."""
        return torch.where(y >= 0, t(weights).to(x.dtype)[y.clamp(min=0)], torch.zeros((), dtype=x.dtype))

    cases = {
        "plain": lambda x: F.cross_entropy(x, t(label)),
        "ignore": lambda x: F.cross_entropy(x, t(holes)),
        "smooth": lambda x: F.cross_entropy(x, t(label), label_smoothing=0.1),
        "weighted": lambda x: F.cross_entropy(x, t(label), weight=t(weights).to(x.dtype)),
        "all": lambda x: F.cross_entropy(x, t(holes), weight=t(weights).to(x.dtype), label_smoothing=0.2),
        "share": lambda x: F.cross_entropy(x, t(share).to(x.dtype)),
        "share_all": lambda x: F.cross_entropy(
            x, t(share).to(x.dtype), weight=t(weights).to(x.dtype), label_smoothing=0.2
        ),
        "mse": lambda x: F.mse_loss(x, t(target).to(x.dtype)),
        "l1": lambda x: F.l1_loss(x, t(target).to(x.dtype)),
        "huber": lambda x: F.huber_loss(x, t(target).to(x.dtype), delta=0.7),
        "bce": lambda x: F.binary_cross_entropy_with_logits(x, t(chance).to(x.dtype)),
        "bce_positive": lambda x: F.binary_cross_entropy_with_logits(
            x, t(chance).to(x.dtype), pos_weight=torch.full((classes,), 2.5, dtype=x.dtype)
        ),
        "plain_rows": lambda x: mean(entropies(x, t(label)), of_rows),
        "all_rows": lambda x: mean(
            entropies(x, t(holes), weight=t(weights).to(x.dtype), label_smoothing=0.2),
            of_rows, class_weights_of(t(holes), x),
        ),
        "share_rows": lambda x: mean(
            entropies(x, t(share).to(x.dtype), weight=t(weights).to(x.dtype), label_smoothing=0.2), of_rows
        ),
        "mse_elements": lambda x: mean(F.mse_loss(x, t(target).to(x.dtype), reduction="none"), elements),
        "mse_rows": lambda x: mean(F.mse_loss(x, t(target).to(x.dtype), reduction="none"), of_rows),
        "l1_elements": lambda x: mean(F.l1_loss(x, t(target).to(x.dtype), reduction="none"), elements),
        "l1_rows": lambda x: mean(F.l1_loss(x, t(target).to(x.dtype), reduction="none"), of_rows),
        "huber_elements": lambda x: mean(
            F.huber_loss(x, t(target).to(x.dtype), delta=0.7, reduction="none"), elements
        ),
        "huber_rows": lambda x: mean(F.huber_loss(x, t(target).to(x.dtype), delta=0.7, reduction="none"), of_rows),
        "bce_elements": lambda x: mean(
            F.binary_cross_entropy_with_logits(x, t(chance).to(x.dtype), reduction="none"), elements
        ),
        "bce_positive_rows": lambda x: mean(
            F.binary_cross_entropy_with_logits(
                x, t(chance).to(x.dtype), reduction="none", pos_weight=torch.full((classes,), 2.5, dtype=x.dtype)
            ),
            of_rows,
        ),
    }
    for name, loss_of in cases.items():
        results = {}
        for dtype in (torch.float32, torch.float64):
            w = t(weight).to(dtype).requires_grad_()
            b = t(bias).to(dtype).requires_grad_()
            loss = loss_of(F.linear(t(src).to(dtype), w, b))
            loss.backward()
            results[dtype] = (loss.item(), w.grad.double().numpy(), b.grad.double().numpy())
        single, double = results[torch.float32], results[torch.float64]
        assert abs(single[0] - double[0]) <= 1e-5 * abs(double[0])
        text += (
            line(f"{name} loss", [single[0]]) + line(f"{name} d_weight", single[1]) + line(f"{name} d_bias", single[2])
        )
    (HERE / "loss.txt").write_text(text)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    golden_mlp()
    golden_gpt()
    golden_loss()
