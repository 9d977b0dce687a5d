"""Makes decoders.txt: what transformers gives for small Llamas and their relatives, for tests/train/test_decoders.c.

    python3 make_decoders.py        (torch, transformers; writes beside itself; deterministic)

Weights are not stored: both sides compute them from the parameters' names (weight_of). Of each case NAME:
    NAME config: the configuration, as transformers writes it, or in the older form
    NAME tokens, lengths, labels: samples end to end; labels are the next tokens, -100 at the end of each
    NAME logits: of all tokens; of the case "classes" of the samples, whose labels are classes
    NAME gradient PARAMETER: the sum of squares and the sum against a fixed pattern
    NAME losses: of 20 steps of AdamW on this batch
Samples are run one at a time, so that what depends on a length depends on the sample's own.
"""

import json
import pathlib

import numpy
import torch
import torch.nn.functional as F
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

HERE = pathlib.Path(__file__).resolve().parent
STEPS, VOCABULARY = 20, 19
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 24,
    "intermediate_size": 28,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 32,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}
LLAMA = {"model_type": "llama", **SIZES}
QWEN3 = {"model_type": "qwen3", **SIZES}
HALF = SIZES["head_dim"] // 2


def theta(**scaling):
    return {"rope_parameters": {"rope_theta": 100.0, **scaling}}


CASES = {
    "llama": LLAMA,
    "biases": {
        **LLAMA,
        "attention_bias": True,
        "mlp_bias": True,
        "head_dim": 6,
        "num_key_value_heads": 3,
        "hidden_act": "gelu_pytorch_tanh",
        "rms_norm_eps": 1e-2,
        "tie_word_embeddings": True,
        **theta(),
    },
    "linear": {**LLAMA, **theta(rope_type="linear", factor=2.5)},
    "dynamic": {**LLAMA, "max_position_embeddings": 6, **theta(rope_type="dynamic", factor=2.0)},
    "llama3": {
        **LLAMA,
        **theta(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=20,
        ),
    },
    "yarn": {
        **LLAMA,
        **theta(rope_type="yarn", factor=4.0, beta_fast=2.0, beta_slow=0.3, original_max_position_embeddings=8),
    },
    "yarn exact": {
        **LLAMA,
        **theta(
            rope_type="yarn",
            factor=3.0,
            beta_fast=2.0,
            beta_slow=0.3,
            mscale=0.7,
            mscale_all_dim=0.2,
            truncate=False,
            original_max_position_embeddings=10,
        ),
    },
    "longrope": {
        **LLAMA,
        **theta(
            rope_type="longrope",
            short_factor=[1.0, 1.5, 2.0, 4.0],
            long_factor=[2.0, 3.0, 8.0, 9.0],
            original_max_position_embeddings=7,
        ),
    },
    "mistral": {**SIZES, "model_type": "mistral", "sliding_window": 4, "num_key_value_heads": 3},
    "qwen2": {**SIZES, "model_type": "qwen2", "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1},
    "qwen3": {**QWEN3, "attention_bias": True},
    "qwen3 windows": {
        **QWEN3,
        "use_sliding_window": True,
        "sliding_window": 2,
        "tie_word_embeddings": True,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "smollm3": {
        **SIZES,
        "model_type": "smollm3",
        "no_rope_layers": [1, 0],
        "use_sliding_window": True,
        "sliding_window": 5,
        "attention_bias": True,
    },
    "classes": {**LLAMA, "num_labels": 3},
}
# As older versions wrote them: rope_theta and rope_scaling; what the class has itself is not given.
OLDER = {
    "older llama": {
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": 24,
        "intermediate_size": 28,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "max_position_embeddings": 32,
        "rope_theta": 100.0,
        "pretraining_tp": 1,
        "torch_dtype": "float32",
        "use_cache": True,
        "rope_scaling": {"type": "linear", "factor": 2.0},
        "transformers_version": "4.35.2",
    },
    "older qwen2": {
        "model_type": "qwen2",
        "vocab_size": VOCABULARY,
        "hidden_size": 24,
        "intermediate_size": 28,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "max_position_embeddings": 32,
        "sliding_window": 2,
        "use_sliding_window": False,
        "max_window_layers": 0,
        "tie_word_embeddings": True,
        "rope_theta": 1000.0,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8},
    },
}


def weight_of(name, shape):
    """Numbers that look random, from name and place: 32 bits, hashed, in [-1/2, 1/2); matrices and biases half of it, a
    norm's weights 1 plus half of it."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    count = int(numpy.prod(shape))
    words = (seed + numpy.arange(count, dtype=numpy.uint64) * 2654435761) % 2**32
    words = (words ^ words >> 16) * 2246822507 % 2**32
    words = (words ^ words >> 13) * 3266489909 % 2**32
    words ^= words >> 16
    values = (words >> 8).astype(numpy.float32) / 2**24 - numpy.float32(0.5)
    return torch.from_numpy(values.reshape(shape) * numpy.float32(0.5) + numpy.float32("norm" in name))


def make_model(name, config):
    kind = AutoModelForSequenceClassification if name == "classes" else AutoModelForCausalLM
    model = kind.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter, value in model.named_parameters():
            value.copy_(weight_of(parameter, tuple(value.shape)))
    return model.train()


def logits_of(model, sample):
    trunk = model.model
    trunk.rotary_emb = type(trunk.rotary_emb)(trunk.config)  # some remember the longest sample
    return model(input_ids=sample[None]).logits[0]


def loss_of(model, samples, labels):
    total, count = 0.0, 0
    for sample, label in zip(samples, labels):
        total = total + F.cross_entropy(logits_of(model, sample).reshape(len(label), -1), label, reduction="sum")
        count += int((label != -100).sum())
    return total / count


def line(key, values, digits=9):
    values = numpy.asarray(values).reshape(-1)
    if numpy.issubdtype(values.dtype, numpy.integer):
        return key + ": " + " ".join(str(v) for v in values) + "\n"
    return key + ": " + " ".join(f"{v:.{digits}g}" for v in values) + "\n"


def summary(tensor):
    values = tensor.detach().double().reshape(-1).numpy()
    pattern = (numpy.arange(values.size) * 37 % 101) / 50.0 - 1.0
    return [float(values @ values), float(values @ pattern)]


def golden(name, config, text, seed):
    generator = numpy.random.default_rng(seed)
    samples = [torch.from_numpy(generator.integers(0, VOCABULARY, length)) for length in (5, 1, 12, 7)]
    if name == "classes":
        labels = [torch.from_numpy(generator.integers(0, 3, 1)) for _ in samples]
    else:
        labels = [torch.cat([sample[1:], torch.tensor([-100])]) for sample in samples]
    model = make_model(name, config)
    result = f"{name} config: {text}\n" + line(f"{name} tokens", torch.cat(samples).numpy())
    result += line(f"{name} lengths", [len(sample) for sample in samples])
    result += line(f"{name} labels", torch.cat(labels).numpy())
    with torch.no_grad():
        result += line(f"{name} logits", torch.cat([logits_of(model, s).reshape(-1) for s in samples]).numpy(), 7)
    loss = loss_of(model, samples, labels)
    loss.backward()
    for key, value in model.named_parameters():
        result += line(f"{name} gradient {key}", summary(value.grad), 7)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, samples, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}")
    return result + line(f"{name} losses", losses, 7)


def main():
    torch.set_num_threads(1)
    text = f"# transformers {transformers.__version__}\n"
    for seed, (name, given) in enumerate([*CASES.items(), *OLDER.items()]):
        config = AutoConfig.for_model(**{key: value for key, value in given.items()})
        if name not in OLDER:
            given = json.loads(config.to_json_string(use_diff=False))
            given = {key: value for key, value in given.items() if value not in (None, [], {}) or key in SIZES}
            for key in (
                "chunk_size_feed_forward",
                "id2label",
                "label2id",
                "output_attentions",
                "output_hidden_states",
                "return_dict",
                "problem_type",
                "dtype",
                "architectures",
            ):
                given.pop(key, None)
        text += golden(name, config, json.dumps(given), seed)
    (HERE / "decoders.txt").write_text(text)


main()
