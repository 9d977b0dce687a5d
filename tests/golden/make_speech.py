"""Makes the golden files of tests/train/test_speech_models.c: what PyTorch gives for small models of the families of
speech.

    python3 make_speech.py [CASE...]   (torch, safetensors; writes beside itself; deterministic)

For each CASE of deepspeech, deepspeech2 (GRU in two ways), deepspeech2_ahead (LSTM in one, with a look-ahead
convolution), deepspeech2_bins (convolutions over time and bins) and lstm_encoder:
    speech/CASE.safetensors             weights under the library's names, a classifier "score" among them
    speech/CASE_gradient.safetensors    gradient of the first step
    speech/CASE.txt                     logits of the evaluated model; losses of 20 steps of SGD; logits after them

Frames and labels are bytes of a generator that the test repeats (draw); samples have LENGTHS frames, and lie end to end
for what norms see of them. Recurrent layers are torch.nn's, a sample at a time.
"""

import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent / "speech"
STEPS, CLASSES, RATE, MOMENTUM, BINS = 20, 3, 0.02, 0.9, 5
LENGTHS = [9, 4, 12, 7]


def draw(seed, count):
    """Bytes of a linear congruential generator."""
    values, state = numpy.empty(count, numpy.uint8), seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = state >> 24
    return values


def batch_of(number):
    rows = sum(LENGTHS)
    frames = (draw(number + 1, rows * BINS).astype(numpy.float32) - 128) / 64
    labels = (draw(number + 101, len(LENGTHS)) % CLASSES).astype(numpy.int64)
    return list(torch.from_numpy(frames.reshape(rows, BINS)).split(LENGTHS)), torch.from_numpy(labels)


def over_time(convolution, samples):
    return [convolution(sample.T[None])[0].T for sample in samples]


def together(function, samples):
    """Of all rows end to end."""
    return list(function(torch.cat(samples)).split([len(sample) for sample in samples]))


def both_ways(layer, samples, width):
    rows = [layer(sample[None])[0][0] for sample in samples]
    return [row[:, :width] + row[:, width:] if layer.bidirectional else row for row in rows]


class DeepSpeech(nn.Module):
    def __init__(self, width=6, context=2, stride=2):
        super().__init__()
        self.width = width
        self.dense1 = nn.Conv1d(BINS, width, 2 * context + 1, stride, padding=context)
        self.dense2, self.dense3, self.dense5 = (nn.Linear(width, width) for _ in range(3))
        self.rnn = nn.RNN(width, width, nonlinearity="relu", bidirectional=True, batch_first=True)
        self.score = nn.Linear(width, CLASSES)

    def forward(self, samples):
        rows = [F.hardtanh(sample, 0, 2) for sample in over_time(self.dense1, samples)]
        for dense in (self.dense2, self.dense3):
            rows = [F.hardtanh(dense(sample), 0, 2) for sample in rows]
        rows = both_ways(self.rnn, rows, self.width)
        rows = [F.hardtanh(self.dense5(sample), 0, 2) for sample in rows]
        return self.score(torch.stack([sample.mean(0) for sample in rows]))


class DeepSpeech2(nn.Module):
    def __init__(self, kind, width=6, ahead=0, filters=(7, 6), strides=(2, 1), kernels=(5, 3)):
        super().__init__()
        self.width, self.ahead = width, ahead
        self.conv = nn.ModuleList()
        inputs = BINS
        for outputs, stride, kernel in zip(filters, strides, kernels):
            self.conv.append(nn.Conv1d(inputs, outputs, kernel, stride, padding=kernel // 2))
            self.conv[-1].norm = nn.BatchNorm1d(outputs)
            inputs = outputs
        self.rnns = nn.ModuleList()
        for layer in range(2):
            self.rnns.append(kind(inputs, width, bidirectional=ahead == 0, batch_first=True))
            if layer > 0:
                self.rnns[-1].norm = nn.BatchNorm1d(inputs)
            inputs = width
        if ahead:
            self.lookahead = nn.Conv1d(width, width, ahead + 1, groups=width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.score = nn.Linear(width, CLASSES)

    def convolved(self, samples):
        for convolution in self.conv:
            samples = together(convolution.norm, over_time(convolution, samples))
            samples = [F.hardtanh(sample, 0, 20) for sample in samples]
        return samples

    def forward(self, samples):
        rows = self.convolved(samples)
        for number, layer in enumerate(self.rnns):
            rows = both_ways(layer, rows if number == 0 else together(layer.norm, rows), self.width)
        if self.ahead:
            rows = over_time(self.lookahead, [F.pad(sample, (0, 0, 0, self.ahead)) for sample in rows])
            rows = [F.hardtanh(sample, 0, 20) for sample in rows]
        rows = together(self.norm, rows)
        return self.score(torch.stack([sample.mean(0) for sample in rows]))


class OverBins(DeepSpeech2):
    def __init__(self):
        super().__init__(nn.GRU, filters=(6, 6))  # 6 inputs: 2 channels of 3 bins
        self.conv = nn.ModuleList([nn.Conv2d(1, 3, (5, 3), (2, 2), (2, 1)), nn.Conv2d(3, 2, (3, 3), (1, 1), (1, 1))])
        for convolution in self.conv:
            convolution.norm = nn.BatchNorm2d(convolution.out_channels)

    def convolved(self, samples):
        rows = [sample[None] for sample in samples]  # [channels, rows, bins]
        for convolution in self.conv:
            rows = [convolution(sample[None])[0] for sample in rows]
            lengths = [sample.shape[1] for sample in rows]
            rows = F.hardtanh(convolution.norm(torch.cat(rows, 1)[None])[0], 0, 20).split(lengths, 1)
        return [sample.transpose(0, 1).flatten(1) for sample in rows]


class LstmEncoder(nn.Module):
    def __init__(self, width=6, outputs=8):
        super().__init__()
        self.lstm = nn.LSTM(BINS, width, 2, batch_first=True)
        self.linear = nn.Linear(width, outputs)
        self.score = nn.Linear(outputs, CLASSES)

    def forward(self, samples):
        ends = torch.stack([self.lstm(sample[None])[1][0][-1, 0] for sample in samples])
        return self.score(F.normalize(F.relu(self.linear(ends)), dim=1))


CASES = {
    "deepspeech": DeepSpeech,
    "deepspeech2": lambda: DeepSpeech2(nn.GRU),
    "deepspeech2_ahead": lambda: DeepSpeech2(nn.LSTM, ahead=2),
    "deepspeech2_bins": OverBins,
    "lstm_encoder": LstmEncoder,
}


def numbers(key, values):
    return key + ": " + " ".join("%.9g" % value for value in numpy.asarray(values).reshape(-1)) + "\n"


def evaluated(model):
    model.eval()
    with torch.no_grad():
        logits = model(batch_of(0)[0])
    model.train()
    return logits


def make(name):
    torch.manual_seed(len(name))
    model = CASES[name]()
    with torch.no_grad():  # larger than at first, and no norm at its beginning
        for key, parameter in model.named_parameters():
            parameter.mul_(4 if key.startswith("lstm") else 1.5)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
    state = {key: value.clone() for key, value in model.state_dict().items() if not key.endswith("tracked")}
    save_file(state, HERE / (name + ".safetensors"))
    text = numbers("logits", evaluated(model))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        samples, labels = batch_of(step)
        loss = F.cross_entropy(model(samples), labels)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradient = {key: value.grad.clone() for key, value in model.named_parameters()}
            save_file(gradient, HERE / (name + "_gradient.safetensors"))
        optimizer.step()
        losses.append(loss.item())
    text += numbers("losses", losses) + numbers("trained", evaluated(model))
    (HERE / (name + ".txt")).write_text(text)


torch.set_num_threads(1)
HERE.mkdir(exist_ok=True)
for case in sys.argv[1:] or CASES:
    make(case)
