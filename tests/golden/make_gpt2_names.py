"""Makes gpt2_names.txt, the golden file of tests/models: names and shapes in a GPT2LMHeadModel of Hugging Face's
transformers, and the standard deviation with which each is drawn, measured on a model wide enough to tell (0 and 1:
constant).

    python3 make_gpt2_names.py        (torch, transformers; writes beside itself; deterministic)
"""

import pathlib

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def model_of(width, layers, inner):
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=width * 2,
            n_positions=width,
            n_embd=width,
            n_layer=layers,
            n_head=2,
            n_inner=inner,
            initializer_range=0.05,
        )
    )


def main():
    torch.manual_seed(0)
    wide = dict(model_of(256, 2, 384).named_parameters())
    text = ""
    for name, parameter in model_of(16, 2, 24).named_parameters():
        deviation = wide[name].std().item() if parameter.dim() > 1 else wide[name].mean().item()
        text += f"{name}: {deviation:.4f} " + " ".join(str(size) for size in parameter.shape) + "\n"
    (pathlib.Path(__file__).resolve().parent / "gpt2_names.txt").write_text(text)


if __name__ == "__main__":
    main()
