"""Writes audio.safetensors: small recordings ("file/NAME") with the samples that libsndfile's own binding reads
("samples/NAME"), and what librosa, torchaudio and torch.stft make of "signal", at 16 kHz ("rows/NAME"). Needs librosa,
torchaudio, soundfile, torch and safetensors:
python3 tests/golden/make_audio.py"""

import io
import os

import librosa
import numpy
import scipy.fft
import soundfile
import torch
import torchaudio
from safetensors.numpy import save_file

random = numpy.random.default_rng(1)
out = {}


def tones(rate, seconds, channels=1):
    time = numpy.arange(int(rate * seconds)) / rate
    one = 0.4 * numpy.sin(2 * numpy.pi * (300 * time + 900 * time**2)) + 0.05 * random.normal(size=time.size)
    if channels == 1:
        return one
    return numpy.stack([one * (1 + c) / channels for c in range(channels)], axis=1)


def add(name, rate, kind, subtype, channels=1, seconds=0.06):
    file = io.BytesIO()
    soundfile.write(file, tones(rate, seconds, channels), rate, format=kind, subtype=subtype)
    data = file.getvalue()
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    out["file/" + name] = numpy.frombuffer(data, numpy.uint8)
    out["samples/" + name] = samples.astype(numpy.float64).mean(axis=1).astype(numpy.float32)


add("pcm8.wav", 8000, "WAV", "PCM_U8")
add("pcm16.wav", 8000, "WAV", "PCM_16")
add("pcm24.wav", 8000, "WAV", "PCM_24")
add("pcm32.wav", 8000, "WAV", "PCM_32")
add("float.wav", 8000, "WAV", "FLOAT")
add("double.wav", 8000, "WAV", "DOUBLE")
add("ulaw.wav", 8000, "WAV", "ULAW")
add("seven.wav", 8000, "WAV", "PCM_16", channels=7)
add("fast.wav", 192000, "WAV", "PCM_16", seconds=0.02)
add("pcm16.flac", 16000, "FLAC", "PCM_16")
add("stereo.flac", 22050, "FLAC", "PCM_24", channels=2)
add("vorbis.ogg", 16000, "OGG", "VORBIS")
add("layer3.mp3", 16000, "MP3", "MPEG_LAYER_III", seconds=0.2)

# ---- Rows ----

RATE = 16000
signal = tones(RATE, 0.15).astype(numpy.float32)
out["signal"] = signal
tensor = torch.from_numpy(signal)


def rows(name, values):
    """[bins, frames] -> [frames, bins]"""
    out["rows/" + name] = numpy.ascontiguousarray(numpy.asarray(values, dtype=numpy.float64).T).astype(numpy.float32)


stft = torch.stft(tensor, 320, 160, 320, torch.hann_window(320), center=False, return_complex=True)
rows("deepspeech2", torch.log1p(stft.abs()))
stft = torch.stft(tensor, 320, 160, 320, torch.hamming_window(320), center=True, return_complex=True)
rows("hamming_reflect", torch.log1p(stft.abs()))
spectrum = librosa.stft(signal, n_fft=512, hop_length=160, win_length=400, window="hann")  # zeros at the edges
rows("linear_power", numpy.abs(spectrum) ** 2)
mel = librosa.feature.melspectrogram(
    y=signal, sr=RATE, n_fft=512, hop_length=160, win_length=400, n_mels=40, fmin=20, fmax=7600
)
rows("mel_slaney", numpy.log(numpy.maximum(mel, 1e-10)))
mel = librosa.feature.melspectrogram(
    y=signal, sr=RATE, n_fft=512, hop_length=160, win_length=400, n_mels=40, htk=True, norm=None
)
rows("mel_htk", librosa.power_to_db(mel, top_db=60))
mel = torchaudio.transforms.MelSpectrogram(RATE, 400, hop_length=160, n_mels=64, center=True, pad_mode="reflect")
rows("mel_torchaudio", torch.log(mel(tensor).clamp(min=1e-10)))
rows(
    "mfcc_librosa",
    librosa.feature.mfcc(y=signal, sr=RATE, n_mfcc=20, n_fft=512, hop_length=160, win_length=400, n_mels=64),
)
mfcc = torchaudio.transforms.MFCC(RATE, 13, melkwargs={"n_fft": 400, "hop_length": 160, "n_mels": 40})
rows("mfcc_torchaudio", mfcc(tensor))
emphasised = numpy.append(signal[0], signal[1:] - numpy.float32(0.97) * signal[:-1])
stft = torch.stft(torch.from_numpy(emphasised), 320, 160, 320, torch.hann_window(320), center=False,
                  return_complex=True)
logs = torch.log1p(stft.abs()).numpy()
rows("recording", (logs - logs.mean()) / logs.std())
rows("bins", (logs - logs.mean(axis=1, keepdims=True)) / logs.std(axis=1, keepdims=True))
assert scipy.fft  # librosa's cosine transform

save_file(out, os.path.join(os.path.dirname(__file__), "audio.safetensors"))
