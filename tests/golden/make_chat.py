"""Makes chat.json of tests/text/test_chat.c: what the transformers library's template engine writes of conversations.

    python3 make_chat.py        (jinja2; writes beside itself; deterministic)

{"templates": [{"name", "template", "begin", "end", "stop", "conversations": [{"messages": [[role, text]], "text"}]}]};
"text" is null where the template raises an exception.
"""

import json
import pathlib

import jinja2
import jinja2.sandbox

HERE = pathlib.Path(__file__).resolve().parent
TURN = "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
ANSWER = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
EACH = "{% for message in messages %}"
FIRST = (
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant "
    "named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
)
LLAMA = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
)
LLAMA_ANSWER = "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token BEHIND}}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
NOT_DEFINED = "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
TEMPLATES = {  # name: (template, begin, end, stop)
    "ChatML, a text of its own": (EACH + FIRST + TURN + ANSWER, "<s>", "<|im_end|>", "<|im_end|>"),
    "ChatML, escapes": ((EACH + FIRST + TURN + ANSWER).replace("\n", "\\n"), "<s>", "<|im_end|>", "<|im_end|>"),
    "ChatML": (EACH + TURN + ANSWER + "\n", "<s>", "</s>", "<|im_end|>"),
    "ChatML, prompt not defined": (NOT_DEFINED + EACH + TURN + ANSWER, "<s>", "</s>", "<|im_end|>"),
    "Llama 3": (LLAMA + "{% if add_generation_prompt %}" + LLAMA_ANSWER + "{% endif %}", "<s>", "</s>", "<|eot_id|>"),
    "Llama 3, always": ((LLAMA + LLAMA_ANSWER).replace("\n", "\\n"), "<s>", "</s>", "<|eot_id|>"),
    "Mistral": (MISTRAL.replace(" BEHIND", ""), "<s>", "</s>", "</s>"),
    "Mistral, a blank": (MISTRAL.replace("BEHIND", "+ ' ' "), "<s>", "</s>", "</s>"),
}
CONVERSATIONS = [
    [["user", "Name three colours."]],
    [["system", "Be short."], ["user", "Hi"]],
    [["user", " \u00a0\u2003\x1c Hi\u3000\n"], ["assistant", "Hello!\n"], ["user", "caf\u00e9 \u6771\u4eac {{ x }}"]],
    [["user", ""], ["assistant", " \n "], ["user", "a b"]],
    [["assistant", "I begin."], ["user", "So?"]],
]


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def write(template, begin, end, messages):
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    messages = [{"role": role, "content": text} for role, text in messages]
    try:
        return environment.from_string(template).render(
            messages=messages, bos_token=begin, eos_token=end, add_generation_prompt=True
        )
    except jinja2.exceptions.TemplateError:
        return None


def main():
    templates = []
    for name, (template, begin, end, stop) in TEMPLATES.items():
        made = [{"messages": each, "text": write(template, begin, end, each)} for each in CONVERSATIONS]
        templates.append(
            {"name": name, "template": template, "begin": begin, "end": end, "stop": stop, "conversations": made}
        )
    (HERE / "chat.json").write_text(json.dumps({"templates": templates}, indent=1) + "\n")


if __name__ == "__main__":
    main()
