"""Makes gguf/*.gguf and gguf.txt, the golden files of GGUF's readers and writer: small random models of the
transformers library as llama.cpp converts them, what they compute of a few tokens with the numbers that the files
have, and a file with a tensor of each type.

    python3 make_gguf.py        (torch, transformers, gguf; writes beside itself; deterministic)
"""

import pathlib

import gguf
import numpy
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
TOKENS = [1, 17, 5, 40, 5, 33]
VOCABULARY = 48
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MODELS = {
    "llama": (transformers.LlamaConfig(**COMMON, rope_theta=500.0), "Q4_1"),
    "llama_tied": (transformers.LlamaConfig(**COMMON, tie_word_embeddings=True, rms_norm_eps=1e-5), "Q8_0"),
    "qwen2": (transformers.Qwen2Config(**COMMON), "F16"),
    "qwen3": (transformers.Qwen3Config(**COMMON, head_dim=16, tie_word_embeddings=True), "BF16"),
    "gpt2": (
        transformers.GPT2Config(
            vocab_size=VOCABULARY, n_embd=32, n_head=4, n_layer=2, n_positions=64, bos_token_id=1, eos_token_id=2
        ),
        "Q5_0",
    ),
    "bert": (
        transformers.BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=16,
        ),
        "Q5_1",
    ),
}


def permuted(weight, heads):
    """Each head's planes side by side, as llama.cpp has them of models of the family llama."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def stored(values, name):
    """The bytes of a matrix of this type, and its numbers; of a vector always F32."""
    kind = gguf.GGMLQuantizationType["F32" if values.ndim < 2 else name]
    data = gguf.quants.quantize(values, kind)
    return data, kind, gguf.quants.dequantize(data, kind)


def write_metadata(writer, config, name):
    if config.model_type == "gpt2":
        writer.add_context_length(config.n_positions)
        writer.add_embedding_length(config.n_embd)
        writer.add_block_count(config.n_layer)
        writer.add_feed_forward_length(4 * config.n_embd)
        writer.add_head_count(config.n_head)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    elif config.model_type == "bert":
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(config.num_hidden_layers)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(config.num_attention_heads)
        writer.add_layer_norm_eps(config.layer_norm_eps)
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        writer.add_token_type_count(config.type_vocab_size)
    else:
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(config.num_hidden_layers)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(config.num_attention_heads)
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
        writer.add_vocab_size(config.vocab_size)
        if config.model_type == "llama":
            writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
        if config.model_type == "qwen3":
            writer.add_key_length(config.head_dim)
            writer.add_value_length(config.head_dim)
    writer.add_name(name)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def write_model(name, config, kind):
    torch.manual_seed(len(name))
    if config.model_type == "bert":  # llama.cpp has no pooler
        model = transformers.BertModel(config, add_pooling_layer=False).float().eval()
    else:
        model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    writer = gguf.GGUFWriter(HERE / "gguf" / f"{name}.gguf", config.model_type)
    write_metadata(writer, config, name)
    arch = next(arch for arch, text in gguf.MODEL_ARCH_NAMES.items() if text == config.model_type)
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    for key, value in model.state_dict().items():
        if value.ndim == 1:  # norms and biases that do something
            value.copy_(torch.randn_like(value) * 0.1 + (1 if "norm" in key.lower() or "ln_" in key else 0))
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = value.detach().numpy()
        turned = config.model_type == "gpt2" and values.ndim == 2 and "wte" not in key and "wpe" not in key
        heads = {"q_proj.weight": 4, "k_proj.weight": 2}.get(".".join(key.split(".")[-2:]), 0)
        if turned:
            values = numpy.ascontiguousarray(values.T)
        if heads and config.model_type == "llama":
            values = permuted(values, heads)
        data, stored_as, numbers = stored(values, kind)
        writer.add_tensor(names.get_name(key, (".weight", ".bias")), data, raw_dtype=stored_as)
        if heads and config.model_type == "llama":
            rows, columns = numbers.shape
            numbers = numbers.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
        value.copy_(torch.from_numpy(numbers.T.copy() if turned else numbers.copy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with torch.no_grad():
        outputs = model(torch.tensor([TOKENS]))
        return (outputs.last_hidden_state if config.model_type == "bert" else outputs.logits)[0].numpy()


def write_types():
    draw = numpy.random.default_rng(11)
    writer = gguf.GGUFWriter(HERE / "gguf" / "types.gguf", "mine")
    for kind, value in [("uint8", 200), ("int8", -5), ("uint16", 60000), ("int16", -300), ("uint32", 4000000000),
                        ("int32", -70000), ("uint64", 1 << 60), ("int64", -(1 << 60)), ("float32", 0.5),
                        ("float64", 0.1), ("bool", True), ("string", "text")]:  # fmt: skip
        getattr(writer, f"add_{kind}")(f"mine.{kind}", value)
    writer.add_array("mine.numbers", [1, 2, 3])
    writer.add_array("mine.texts", ["a", "", "b"])
    sums = ""
    for name in ["F32", "F16", "BF16", "F64", "I32", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        if elements == 1:
            dtype = {"F32": "f4", "F16": "f2", "F64": "f8", "I32": "i4"}.get(name, "f4")
            values = (draw.normal(size=(3, 5)) * 9).astype(dtype)
            data = gguf.quants.quantize(values, kind) if name == "BF16" else values
            numbers = gguf.quants.dequantize(data, kind) if name == "BF16" else values
        else:
            data = draw.integers(0, 256, (3, 256 // elements * size), dtype="uint8")
            for block in data.reshape(-1, size):
                for at in [208] if name == "Q6_K" else [0, 2]:
                    block[at : at + 2] = numpy.array([0.0123], "float16").view("uint8")
            numbers = gguf.quants.dequantize(data, kind)
        writer.add_tensor(f"{name}.tensor", data, raw_dtype=kind)
        sums += f"{name}: " + " ".join(f"{value:.9g}" for value in numbers.ravel()[::7]) + "\n"
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sums


def main():
    text = "tokens: " + " ".join(map(str, TOKENS)) + "\n" + write_types()
    for name, (config, kind) in MODELS.items():
        values = write_model(name, config, kind)
        text += f"{name}: " + " ".join(f"{value:.7g}" for value in values.ravel()) + "\n"
    (HERE / "gguf.txt").write_text(text)


if __name__ == "__main__":
    main()
