"""One case of the performance table in PyTorch, in a process of its own; bench/run.py starts it.

    python3 torch_case.py CASE VARIANT SECONDS [THREADS]

VARIANT is "eager" or "compile". Prints one line of JSON, as bench_case.c does: first_step_at, first_loss, last_loss,
peak_bytes, and rates: steps a second of each stretch of about a quarter of a second. SECONDS 0 makes the first step
only. first_step_at is the system's monotonic clock when the first step had ended, so that the parent, who knows when it
started the process, can subtract. The networks are those of bench_case.c: GPT-2 with biases and tied embeddings. The
code is what a careful user writes: nanoGPT's modules, scaled_dot_product_attention, fused optimizers, gradients set to
None, no loss read back inside the loop. The Llama's are those of transformers, with torch's own RMSNorm. BERT is the
package transformers' own, with its dropouts, and no mask, since no sentence is padded. start_bytes: what was resident
when all that is imported stood.
"""

import json
import math
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

#        layers heads width vocabulary positions batch length
GPTS = {
    "gpt-4x128": (4, 4, 128, 65, 64, 12, 64),
    "gpt-6x384": (6, 6, 384, 65, 256, 8, 256),
    "gpt2-4x64": (12, 12, 768, 50257, 1024, 4, 64),
    "gpt2-1x1024": (12, 12, 768, 50257, 1024, 1, 1024),
}
#        layers heads kv_heads width inner vocabulary batch length
LLAMAS = {"llama-6x384": (6, 6, 2, 384, 1024, 8192, 4, 256)}
#        layers width bins channels outputs batch length, from a quarter of that on
SPEECH = {
    "deepspeech2-8x400": (3, 512, 161, 32, 29, 8, 400, 0),
    "deepspeech2-ragged": (3, 512, 161, 32, 29, 8, 400, 1),
}
#        layers heads width inner batch length
BERTS = {"minilm-16x128": (6, 12, 384, 1536, 16, 128), "bert-8x128": (12, 12, 768, 3072, 8, 128)}


class Block(nn.Module):
    def __init__(self, heads, width):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.c_attn = nn.Linear(width, 3 * width)
        self.attn_proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.c_fc = nn.Linear(width, 4 * width)
        self.mlp_proj = nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).split(width, dim=2)
        q, k, v = (t.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_proj(y.transpose(1, 2).contiguous().view(batch, length, width))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, layers, heads, width, vocabulary, positions):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(Block(heads, width) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                deviation = 0.02 / math.sqrt(2 * layers) if name.endswith("_proj.weight") else 0.02
                nn.init.normal_(parameter, std=deviation)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        self.lm_head.weight = self.wte.weight

    def forward(self, tokens, labels):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))


def rotate(x, cosine, sine):
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-second, first), dim=-1) * sine


class LlamaBlock(nn.Module):
    def __init__(self, heads, kv_heads, width, inner):
        super().__init__()
        self.head_width = width // heads
        self.norm_1, self.norm_2 = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
        self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, kv_heads * self.head_width, bias=False)
        self.v = nn.Linear(width, kv_heads * self.head_width, bias=False)
        self.gate, self.up = nn.Linear(width, inner, bias=False), nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x, cosine, sine):
        batch, length, width = x.shape
        y = self.norm_1(x)
        q, k, v = (
            part(y).view(batch, length, -1, self.head_width).transpose(1, 2) for part in (self.q, self.k, self.v)
        )
        q, k = rotate(q, cosine, sine), rotate(k, cosine, sine)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.o(y.transpose(1, 2).reshape(batch, length, width))
        y = self.norm_2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    def __init__(self, layers, heads, kv_heads, width, inner, vocabulary, length):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(LlamaBlock(heads, kv_heads, width, inner) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        planes = torch.arange(0, width // heads, 2).float() / (width // heads)
        angles = torch.outer(torch.arange(length).float(), 10000.0**-planes).repeat(1, 2)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def forward(self, tokens, labels):
        x = self.words(tokens)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        logits = F.linear(self.norm(x), self.words.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))


class Bert(nn.Module):
    """transformers' classifier; its forward gives the loss alone."""

    def __init__(self, layers, heads, width, inner):
        super().__init__()
        from transformers import BertConfig, BertForSequenceClassification

        config = BertConfig(
            num_hidden_layers=layers,
            num_attention_heads=heads,
            hidden_size=width,
            intermediate_size=inner,
            num_labels=2,
            attn_implementation="sdpa",
        )
        self.network = BertForSequenceClassification(config)

    def forward(self, tokens, label):
        return self.network(input_ids=tokens, labels=label).loss


class DeepSpeech2(nn.Module):
    """As deepspeech.pytorch has it, for samples padded to the longest; the loss is that of bench_case.c."""

    def __init__(self, layers, width, bins, channels, outputs):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, channels, (41, 11), (2, 2), (20, 5)), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, (21, 11), (2, 1), (10, 5)), nn.BatchNorm2d(channels)
        features = channels * (((bins + 1) // 2 + 1) // 2)
        self.rnns = nn.ModuleList(nn.GRU(width if i else features, width, bidirectional=True) for i in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
        self.fc = nn.Linear(width, outputs)

    def forward(self, frames, lengths, label):
        lengths = (lengths + 1) // 2
        present = torch.arange((frames.shape[1] + 1) // 2) < lengths[:, None]
        x = F.hardtanh(self.norm1(self.conv1(frames.transpose(1, 2)[:, None])), 0, 20) * present[:, None, None]
        x = F.hardtanh(self.norm2(self.conv2(x)), 0, 20) * present[:, None, None]
        x = x.flatten(1, 2).permute(2, 0, 1)
        for i, rnn in enumerate(self.rnns):
            if i:
                x = self.norms[i - 1](x.flatten(0, 1)).view(x.shape)
            packed, _ = rnn(nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False))
            x, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=present.shape[1])
            x = x.view(x.shape[0], x.shape[1], 2, -1).sum(2)
        x = self.fc(self.norms[-1](x.flatten(0, 1)).view(x.shape)) * present.t()[:, :, None]
        return F.cross_entropy(x.sum(0) / lengths[:, None], label)


class Supervised(nn.Module):
    def __init__(self, network, loss):
        super().__init__()
        self.network = network
        self.loss = loss

    def forward(self, features, target):
        return self.loss(self.network(features), target)


def build(case):
    """The network (its forward gives the loss), its optimizer and a few batches to go round."""
    torch.manual_seed(1)
    if case == "linear":
        model = Supervised(nn.Linear(10, 1), F.mse_loss)
        batches = [(torch.randn(64, 10), torch.randn(64, 1)) for _ in range(16)]
        return model, torch.optim.SGD(model.parameters(), lr=0.01, fused=True), batches
    if case == "mlp":
        model = Supervised(nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)), F.cross_entropy)
        batches = [(torch.rand(64, 784), torch.randint(10, (64,))) for _ in range(16)]
        return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True), batches
    if case in SPEECH:
        layers, width, bins, channels, outputs, batch, length, is_ragged = SPEECH[case]
        model = DeepSpeech2(layers, width, bins, channels, outputs)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
        batches = []
        for _ in range(16):
            lengths = length - torch.randint(length * 3 // 4, (batch,)) * is_ragged
            frames = torch.rand(batch, int(lengths.max()), bins) * 2 - 1
            batches.append((frames, lengths, torch.randint(outputs, (batch,))))
        return model, optimizer, batches
    if case in BERTS:
        *sizes, batch, length = BERTS[case]
        model = Bert(*sizes)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)
        tokens = [torch.randint(30522, (batch, length)) for _ in range(16)]
        return model, optimizer, [(run, torch.randint(2, (batch,))) for run in tokens]
    if case in LLAMAS:
        *sizes, batch, length = LLAMAS[case]
        width, vocabulary = sizes[3], sizes[5]
        model = Llama(*sizes, length)
    else:
        layers, heads, width, vocabulary, positions, batch, length = GPTS[case]
        model = GPT(layers, heads, width, vocabulary, positions)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3 if width < 768 else 1e-4, betas=(0.9, 0.99), fused=True)
    runs = [torch.randint(vocabulary, (batch, length + 1)) for _ in range(8)]
    return model, optimizer, [(run[:, :-1].contiguous(), run[:, 1:].contiguous()) for run in runs]


def status_bytes(key):
    for line in open("/proc/self/status"):
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def peak_bytes():
    return status_bytes("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    case, variant, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else 2)
    if case in BERTS:
        import transformers.models.bert.modeling_bert  # so that its code is counted among what is there at the start
    start_bytes = status_bytes("VmRSS")
    model, optimizer, batches = build(case)
    forward = torch.compile(model) if variant == "compile" else model

    def step(i):
        loss = forward(*batches[i % len(batches)])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    first_loss = step(0).item()
    first_step_at = time.monotonic()
    last_loss, rates, taken = first_loss, [], 1
    if seconds > 0:
        began = time.monotonic()
        while taken < 4 or time.monotonic() - began < min(1.0, seconds / 4):  # warm-up, not counted
            step(taken)
            taken += 1
        began = stretch_began = time.monotonic()
        made = in_stretch = 0
        while True:
            loss = step(taken)
            taken += 1
            made += 1
            in_stretch += 1
            clock = time.monotonic()
            if clock - stretch_began >= 0.25:
                rates.append(in_stretch / (clock - stretch_began))
                stretch_began, in_stretch = clock, 0
                if made >= 5 and clock - began >= seconds:
                    break
        last_loss = loss.item()
    print(
        json.dumps(
            {
                "case": case,
                "first_step_at": first_step_at,
                "first_loss": first_loss,
                "last_loss": last_loss,
                "peak_bytes": peak_bytes(),
                "start_bytes": start_bytes,
                "rates": rates,
                "engine": f"PyTorch {torch.__version__}, {variant}",
            }
        )
    )


if __name__ == "__main__":
    main()
