"""Fine-tuning a published BERT in PyTorch, batches padded to their longest sentence; ragged.py starts it.

    python3 torch_ragged.py MODEL_DIRECTORY TRAIN_FILE TEST_FILE BATCH RATE THREADS VARIANT

The other side of ragged_case.c, with the same files, input and answers. VARIANT is "eager" or "compile", with sizes
that may change. Sentences are cut into tokens beforehand, padded batch by batch, with the mask that this needs.
"""

import pathlib
import sys
import time

import torch
from transformers import AutoTokenizer, BertForSequenceClassification


def read_sentences(path, tokenizer):
    lines = [line for line in pathlib.Path(path).read_text().split("\n") if line]
    tokens = tokenizer([line[2:] for line in lines], truncation=True, max_length=128)["input_ids"]
    return list(zip(tokens, (int(line[0] == "1") for line in lines)))


def batch_of(samples):
    longest = max(len(tokens) for tokens, _ in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    mask = torch.zeros(len(samples), longest, dtype=torch.long)
    for row, (tokens, _) in enumerate(samples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return ids, mask, torch.tensor([label for _, label in samples])


def peak_kilobytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0


def main():
    directory, train_file, test_file, batch, rate, threads, variant = sys.argv[1:]
    torch.manual_seed(1)
    torch.set_num_threads(int(threads))
    tokenizer = AutoTokenizer.from_pretrained(directory)
    training, test = read_sentences(train_file, tokenizer), read_sentences(test_file, tokenizer)
    model = BertForSequenceClassification.from_pretrained(directory, num_labels=2, attn_implementation="sdpa")
    forward = torch.compile(model, dynamic=True) if variant == "compile" else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=float(rate), weight_decay=0.01, fused=True)
    order = torch.randperm(len(training)).tolist()
    first, loss = 0, torch.zeros(())
    model.train()
    for line in sys.stdin:
        count = int(line)
        began = time.monotonic()
        for at in range(first, first + count, int(batch)):
            chosen = order[at : min(at + int(batch), first + count)]
            ids, mask, labels = batch_of([training[i] for i in chosen])
            loss = forward(input_ids=ids, attention_mask=mask, labels=labels).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        first += count
        print(time.monotonic() - began, peak_kilobytes(), loss.item(), flush=True)
    model.eval()
    right = 0
    with torch.no_grad():
        for at in range(0, len(test), 32):
            ids, mask, labels = batch_of(test[at : at + 32])
            right += (model(input_ids=ids, attention_mask=mask).logits.argmax(1) == labels).sum().item()
    print(right / len(test))


if __name__ == "__main__":
    main()
