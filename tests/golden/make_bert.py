"""Makes the golden files of tests/train/test_bert.c: what transformers gives for small models of BERT and its kin.

    python3 make_bert.py        (torch, transformers, safetensors; writes beside itself; deterministic)

For each CASE, a family with a head, as bert_words (masked language model), bert_classes or bert_numbers (regression):
    bert/CASE.safetensors            initial weights
    bert/CASE_gradient.safetensors   gradient of the first batch, under the names of the parameters
    bert/CASE.txt                    4 ragged batches; logits and loss of the first; losses of 20 steps of AdamW
Each sample is run alone, without padding: what a ragged batch must give. Every run is made in float64 as well and must
agree.
"""
import pathlib

import numpy
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent / "bert"
STEPS, BATCHES, VOCABULARY, CLASSES = 20, 4, 23, 3
LENGTHS = [(5, 11, 1, 8), (3, 3, 12, 2), (12, 1, 7, 4), (6, 9, 2, 10)]
SIZES = dict(vocab_size=VOCABULARY, max_position_embeddings=14, hidden_size=8, num_hidden_layers=2,
             num_attention_heads=2, intermediate_size=12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
             layer_norm_eps=1e-12, initializer_range=0.2)
CONFIGURATIONS = {
    "bert": lambda: transformers.BertConfig(**SIZES, type_vocab_size=2, hidden_act="gelu_new"),
    "roberta": lambda: transformers.RobertaConfig(**SIZES, type_vocab_size=1, hidden_act="relu", pad_token_id=1),
    "distilbert": lambda: transformers.DistilBertConfig(
        vocab_size=VOCABULARY, max_position_embeddings=14, dim=8, n_layers=2, n_heads=2, hidden_dim=12, dropout=0.0,
        attention_dropout=0.0, seq_classif_dropout=0.0, initializer_range=0.2, activation="gelu"),
}
CLASSES_OF = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert"}
CASES = ["bert_words", "bert_classes", "bert_numbers", "roberta_words", "roberta_classes", "distilbert_words",
         "distilbert_classes"]


def line(key, values):
    values = numpy.asarray(values).reshape(-1)
    if numpy.issubdtype(values.dtype, numpy.integer):
        return key + ": " + " ".join(str(v) for v in values) + "\n"
    return key + ": " + " ".join(f"{v:.9g}" for v in values) + "\n"


def make_model(case, dtype):
    family, head = case.split("_")
    torch.manual_seed(21)
    config = CONFIGURATIONS[family]()
    config._attn_implementation = "eager"
    if head == "numbers":
        config.num_labels, config.problem_type = 2, "regression"
    if head == "classes":
        config.num_labels = CLASSES
    kind = "ForMaskedLM" if head == "words" else "ForSequenceClassification"
    model = getattr(transformers, CLASSES_OF[family] + kind)(config)
    with torch.no_grad():  # biases and norms away from 0 and 1, so that a mistake in one shows
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.1 * torch.randn_like(parameter)
    return model.to(dtype).train()


def make_batch(generator, case, lengths):
    """A list of samples {tokens, segments, labels}; tokens avoid the numbers of padding."""
    family, head = case.split("_")
    batch = []
    for length in lengths:
        tokens = generator.integers(2, VOCABULARY, length)
        segments = (numpy.arange(length) >= length // 2 + 1).astype(numpy.int64)
        labels = numpy.where(generator.random(length) < 0.3, generator.integers(0, VOCABULARY, length), -100)
        if head == "classes":
            labels = numpy.array([int(tokens[0]) % CLASSES])
        if head == "numbers":
            labels = numpy.round(generator.standard_normal(2), 2)
        batch.append(dict(tokens=tokens, segments=segments, labels=labels))
    return batch


def logits_of(model, sample):
    given = dict(input_ids=torch.from_numpy(sample["tokens"])[None])
    if model.config.model_type == "bert":
        given["token_type_ids"] = torch.from_numpy(sample["segments"])[None]
    return model(**given).logits[0]


def loss_of(model, batch, head):
    """The mean over all that counts in the batch."""
    total, weight = 0, 0
    for sample in batch:
        logits, labels = logits_of(model, sample), torch.from_numpy(sample["labels"])
        if head == "numbers":
            total += F.mse_loss(logits, labels.to(logits.dtype), reduction="sum")
            weight += labels.numel()
        else:
            logits = logits if head == "words" else logits[None]
            total += F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
            weight += int((labels != -100).sum())
    return total / weight


def named(model):
    """Parameters by the names of the state dict that are not those of another's alias."""
    aliases = {"cls.predictions.decoder.bias": "cls.predictions.bias", "lm_head.decoder.bias": "lm_head.bias"}
    return [(aliases.get(name, name), parameter) for name, parameter in model.named_parameters()]


def save(tensors, name):
    path = HERE / (name + ".safetensors")
    save_file({key: value.detach().contiguous() for key, value in tensors}, path)
    path.chmod(0o644)


def train(case, batches, dtype):
    model = make_model(case, dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, batches[step % BATCHES], case.split("_")[1])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def golden(case, number):
    head = case.split("_")[1]
    generator = numpy.random.default_rng(30 + number)
    batches = [make_batch(generator, case, lengths) for lengths in LENGTHS]
    model = make_model(case, torch.float32)
    save(named(model), case)
    loss = loss_of(model, batches[0], head)
    loss.backward()
    save([(name, parameter.grad) for name, parameter in named(model)], case + "_gradient")
    text = ""
    for place, batch in enumerate(batches):
        for field in ("tokens", "segments", "labels"):
            text += line(f"{field} {place}", numpy.concatenate([sample[field] for sample in batch]))
        text += line(f"lengths {place}", LENGTHS[place])
    logits = torch.cat([logits_of(model, sample).reshape(-1) for sample in batches[0]])
    losses, exact = train(case, batches, torch.float32), train(case, batches, torch.float64)
    apart = max(abs(a - b) / abs(b) for a, b in zip(losses, exact))
    print(f"{case}: loss {losses[0]:.4f} to {losses[-1]:.4f}, float32 against float64 {apart:.1e}")
    assert apart < 2e-5
    text += line("logits", logits.detach().numpy()) + line("loss", [loss.item()]) + line("losses", losses)
    (HERE / (case + ".txt")).write_text(text)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    HERE.mkdir(exist_ok=True)
    for place, name in enumerate(CASES):
        golden(name, place)
