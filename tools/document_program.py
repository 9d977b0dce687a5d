"""The manual page and the shells' completion of the program `pretrain`, made from what the program itself says of its
commands and options (pretrain --describe).

    python3 tools/document_program.py PROGRAM [--write]

Without --write it tells which of the files are not what they should be.
"""

import json
import os
import subprocess
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILES = {
    "docs/pretrain.1": lambda described: manual(described),
    "tools/completion/pretrain.bash": lambda described: bash(described),
    "tools/completion/_pretrain": lambda described: zsh(described),
    "tools/completion/pretrain.fish": lambda described: fish(described),
}
MADE = "made by tools/document_program.py from the program's own tables"

# Prose of the manual page: paragraphs, and (term, text) pairs.
MODELS = [
    "A directory with model.safetensors, as --out leaves it or as GPT-2 is published, with its config.json; a "
    ".safetensors file; a checkpoint, or a directory of them; to train, also a config.json, or its text in braces. "
    "What lies beside it is its tokenizer: tokenizer.json, tokenizer.model, vocab.json with merges.txt, vocab.txt or "
    "*.tiktoken, the first of them that is there."
]
DATA = [
    "By its ending, or --format:",
    ("text", "files, and directories of them: windows of --length tokens"),
    (
        "jsonl",
        'an object a line, with a text in "text" (or a list of ids, with --text-column) or numbers in the list '
        '"features", and a label in "label": a string, a number or a list of numbers. Where the first line has it, '
        '"text_pair" is a second text, which the tokenizer encodes with the first as a pair. A language model is '
        'finetuned with "prompt" and "answer": the two are one text, of which the answer is learnt; what stands '
        "between them, a blank or a line's end, belongs to one of them",
    ),
    ("csv", "by RFC 4180, with headings, which are as the keys of jsonl"),
    ("tokens", "ids of 16 or 32 bits, little-endian, without a header"),
]
OPTIONS = [
    "Options may stand before, between and behind the other arguments; -- ends them. A value follows its option or "
    "stands behind an equals sign. In parentheses: what holds without the option."
]
RESULTS = [
    "With --json a result is one JSON object on one line, or one a line where there are several; numbers have 9 "
    "significant digits, and what is not known is null.",
    ("train", "loss, steps, seconds, tokens_per_second, peak_bytes; with --evaluation also metrics"),
    ("finetune", "the same and metrics, which is null without --evaluation"),
    ("evaluate", "task, samples, metrics"),
    (
        "predict",
        "a line a sample: label and scores, the probability of each class; of a regression label, a number or a list "
        "of them",
    ),
    (
        "tokenize",
        "an array of ids a line; with --offsets of [id, begin, end]; with --decode a string; with --train an object "
        "with tokens, their number",
    ),
    ("generate", "text, ids, seconds, tokens_per_second"),
    (
        "inspect",
        'family, task, parameters, bytes, dtype, tokenizer (its file, "bytes" or null), labels, tensors (name, dtype, '
        "shape)",
    ),
    "With --events, lines before the result have event (step, evaluation, checkpoint, checkpoint_failed, nonfinite, "
    "resume or end), step, total_steps, epoch, loss, learning_rate, gradient_norm, seconds, seconds_left, "
    "samples_per_second, tokens_per_second and bytes; an evaluation has metrics, a checkpoint its path, the end a "
    "reason (done, early, time, interrupted or end_of_data).",
]
STATUSES = [
    ("0", "done"),
    ("1", "failed: one line on standard error says what, what was expected and what was found"),
    ("2", "wrong usage"),
    (
        "130",
        "interrupted (SIGINT; other signals: 128 and their number). With --out the weights of the last completed step "
        "are saved, and a checkpoint that --resume goes on from to the same bits. A second signal does not wait for "
        "the checkpoint, a third ends the program at once.",
    ),
]


def options_of(described):
    """{(group, name): [(option, names of commands)]}: rows with the same help stand together."""
    found = {}
    for command in described["commands"]:
        for option in command["options"]:
            rows = found.setdefault((option["group"], option["name"]), [])
            for other, names in rows:
                if other == option:
                    names.append(command["name"])
                    break
            else:
                rows.append((option, [command["name"]]))
    return found


# ---- The manual page -------------------------------------------------------------------------------------------------


def roff(text):
    """Text as a man page has it: no character of it is a command of roff, no line too long to read."""
    lines = [
        textwrap.wrap(line, 100, break_long_words=False, break_on_hyphens=False) or [""] if line[:1] != " " else [line]
        for line in text.split("\n")
    ]
    text = "\n".join(part for parts in lines for part in parts)
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in text.split("\n"))


def section(heading, paragraphs):
    lines = [".SH " + heading]
    for paragraph in paragraphs:
        if isinstance(paragraph, tuple):
            lines += [".TP", ".B " + paragraph[0], roff(paragraph[1])]
        else:
            lines += [".PP", roff(paragraph)] if len(lines) > 1 else [roff(paragraph)]
    return lines


def manual(described):
    commands = described["commands"]
    lines = [
        '.\\" ' + MADE,
        '.TH PRETRAIN 1 "" "libpretrain %s" "User commands"' % described["version"],
        ".SH NAME",
        "pretrain \\- pretrains and fine\\-tunes neural networks, and tries them on data",
        ".SH SYNOPSIS",
    ]
    for command in commands:
        lines += [
            "\\fBpretrain %s\\fR \\fI%s\\fR [\\fIOPTIONS\\fR]" % (command["name"], roff(command["arguments"])),
            ".br",
        ]
    lines += ["\\fBpretrain\\fR \\fB\\-\\-help\\fR | \\fB\\-\\-version\\fR", ".SH COMMANDS"]
    for command in commands:
        lines += [".SS " + command["name"], roff(command["about"].replace("\n\n", "\n.PP\n")).replace("\\&.PP", ".PP")]
        lines += [".PP", ".nf", "\n".join(map(roff, command["example"].split("\n"))), ".fi"]
    for heading, paragraphs in (("MODELS", MODELS), ("DATA", DATA), ("OPTIONS", OPTIONS)):
        lines += section(heading, paragraphs)
    group = None
    all_names = [command["name"] for command in commands]
    rows = options_of(described)
    for of in sorted(dict.fromkeys(group for group, _ in rows), key="Everywhere".__eq__):
        for (group_of_row, name), variants in rows.items():
            if group_of_row != of:
                continue
            if group_of_row != group:
                group = group_of_row
                lines.append(".SS " + roff(group))
            for option, names in variants:
                value = " \\fI%s\\fR" % roff(option["value"]) if option["value"] else ""
                lines += [".TP", "\\fB%s\\fR%s" % (roff(name), value), roff(option["help"])]
                if names != all_names:
                    lines += [".br", "\\fI%s\\fR" % ", ".join(names)]
    lines += section("RESULTS", RESULTS) + section("EXIT STATUS", STATUSES)
    return "\n".join(lines) + "\n"


# ---- Completion ------------------------------------------------------------------------------------------------------


def words_of(option):
    return option["choices"].split("|") if option["choices"] else []


def bash(described):
    commands = described["commands"]
    lines = [
        "# Completion for bash; " + MADE,
        "_pretrain() {",
        "    local current=${COMP_WORDS[COMP_CWORD]} words=",
        "    COMPREPLY=()",
        '    if [ "$COMP_CWORD" = 1 ]; then',
        '        words="%s help --help --version"' % " ".join(command["name"] for command in commands),
        "    else",
        "        case ${COMP_WORDS[1]}:${COMP_WORDS[COMP_CWORD-1]} in",
    ]
    plain, directories, choices = set(), set(), {}
    for command in commands:
        for option in command["options"]:
            if option["kind"] == "choice":
                choices[option["name"]] = words_of(option)
            elif option["kind"] == "directory":
                directories.add(option["name"])
            elif option["kind"] not in ("none", "file"):
                plain.add(option["name"])
    for name, words in sorted(choices.items()):
        lines.append('        *:%s) words="%s" ;;' % (name, " ".join(words)))
    lines.append(
        '        %s) compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); return ;;'
        % " | ".join("*:" + name for name in sorted(directories))
    )
    for at in range(0, len(plain), 4):
        lines.append(
            "        %s) compopt +o default; return ;;" % " | ".join("*:" + name for name in sorted(plain)[at : at + 4])
        )
    lines += ["        *)", "            case $current in -*) case ${COMP_WORDS[1]} in"]
    for command in commands:
        lines.append("                %s)" % command["name"])
        names = [option["name"] for option in command["options"]]
        lines.append('                    words="%s"' % " ".join(names[:6]))
        for at in range(6, len(names), 6):
            lines.append('                    words+=" %s"' % " ".join(names[at : at + 6]))
        lines.append("                    ;;")
    lines += [
        "                esac ;;",
        "            esac",
        "            ;;",
        "        esac",
        "    fi",
        '    [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        "complete -o bashdefault -o default -F _pretrain pretrain",
    ]
    return "\n".join(lines) + "\n"


def zsh(described):
    def quoted(text):
        for character in "\\[]:":
            text = text.replace(character, "\\" + character)
        return text.replace("'", "'\\''")

    lines = [
        "#compdef pretrain",
        "# Completion for zsh; " + MADE,
        "_pretrain() {",
        "    local -a commands",
        "    commands=(",
    ]
    for command in described["commands"]:
        lines.append("        '%s:%s'" % (command["name"], quoted(command["summary"])))
    lines += [
        "    )",
        "    if (( CURRENT == 2 )); then",
        "        _describe command commands",
        "        return",
        "    fi",
        "    local command=$words[2]",
        "    shift words",
        "    (( CURRENT-- ))",
        "    case $command in",
    ]
    actions = {"file": "_files", "directory": "_files -/"}
    for command in described["commands"]:
        lines.append("    %s)" % command["name"])
        lines.append("        _arguments \\")
        for option in command["options"]:
            star = "*" if option["kind"] == "list" else ""
            action = "(%s)" % " ".join(words_of(option)) if option["choices"] else actions.get(option["kind"], " ")
            value = "" if option["kind"] == "none" else ":%s:%s" % (quoted(option["value"]), action)
            lines.append("            '%s%s[%s]%s' \\" % (star, option["name"], quoted(option["help"]), value))
        lines += ["            '*:file:_files'", "        ;;"]
    lines += ["    esac", "}", '_pretrain "$@"']
    return "\n".join(lines) + "\n"


def fish(described):
    def quoted(text):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = ["# Completion for fish; " + MADE]
    for command in described["commands"]:
        lines.append(
            "complete -c pretrain -n __fish_use_subcommand -f -a %s -d %s"
            % (command["name"], quoted(command["summary"]))
        )
    for name in ("help", "version"):
        lines.append("complete -c pretrain -n __fish_use_subcommand -f -l %s" % name)
    for command in described["commands"]:
        for option in command["options"]:
            kinds = {
                "none": "",
                "file": " -r -F",
                "choice": " -x -a " + quoted(" ".join(words_of(option))),
                "directory": " -x -a '(__fish_complete_directories)'",
            }
            lines.append(
                "complete -c pretrain -n '__fish_seen_subcommand_from %s' -l %s%s -d %s"
                % (command["name"], option["name"][2:], kinds.get(option["kind"], " -x"), quoted(option["help"]))
            )
    return "\n".join(lines) + "\n"


def main():
    program = sys.argv[1]
    described = json.loads(subprocess.run([program, "--describe"], stdout=subprocess.PIPE, check=True).stdout)
    stale = []
    for name, make in FILES.items():
        path, text = os.path.join(ROOT, name), make(described)
        if "--write" in sys.argv:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        elif not os.path.exists(path) or open(path, encoding="utf-8").read() != text:
            stale.append(name)
    if stale:
        print("not what the program says: %s; python3 tools/document_program.py PROGRAM --write" % ", ".join(stale))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
