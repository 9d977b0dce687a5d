"""A small GPT reads a text file; then a classifier learns from labelled texts on top of it. Ctrl-C stops cleanly: what
was learned up to then is saved.

    python3 pretrain_and_classify.py TEXT_FILE LABELS_FILE [STEPS]        labels: lines of {"text": ..., "label": ...}
"""

import sys

import pretrain

text_path, labels_path = sys.argv[1:3]
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 500
config = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 64, "n_embd": 64, "n_layer": 2, "n_head": 4,
          "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}

context = pretrain.Context(seed=1)
print(context.description)
model = context.model(config)
adamw = context.optimizer(
    learning_rate=2e-3,
    clip_norm=1,
    flags=pretrain.OPTIMIZER_DECAY_MATRICES,
    schedule={"kind": pretrain.SCHEDULE_COSINE, "warmup_steps": steps // 20, "minimum_factor": 0.1},
)
try:
    model.pretrain(
        adamw, context.text(text_path, length=64, stride=16), steps=steps, batch=16, event=pretrain.show_progress
    )
except KeyboardInterrupt:
    print("\nstopped after", adamw.steps, "steps")
model.save("trunk.safetensors")
print(repr(model.generate(b"The ", count=100, temperature=0.8, top_k=20).decode("ascii", "replace")))

texts = context.jsonl(
    labels_path, [("tokens", "text", pretrain.COLUMN_TEXT, 64), ("label", "label", pretrain.COLUMN_CLASS)]
)
training, held_out = texts.split(0.75, seed=1)
classifier = context.model(
    config, task=pretrain.TASK_CLASSIFICATION, classes=len(texts.classes()), pooling=pretrain.POOL_MEAN
)
classifier.load("trunk.safetensors")
print("new:", [name for name, kind in classifier.transfer().items() if kind == pretrain.TRANSFER_NEW])
classifier.finetune(
    context.optimizer(learning_rate=1e-3),
    training,
    evaluation=held_out,
    epochs=5,
    flags=pretrain.TRAIN_KEEP_BEST,
    event=pretrain.show_progress,
)
print(
    "accuracy on %d held-out texts: %.1f %%" % (len(held_out), 100 * classifier.evaluate(held_out).metrics["accuracy"])
)
