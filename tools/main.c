/* pretrain: the library from a shell. It strings calls of pretrain.h together; a command is a file, command_NAME.c. */
#include <errno.h>
#include <fcntl.h>
#include <pretrain.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "output.h"
#include "session.h"
#include "settings.h"

const command_t command_table[] = {
    {"train", COMMAND_TRAIN, "MODEL|CONFIG DATA...", 2, -1, "pretrains a network on text or other data",
     "Trains a network: a fresh one, where the first argument is a config.json, its text in braces or the name of a "
     "preset (bert, gpt2 or llama with -tiny, -mini, -small or -medium, as gpt2-mini, with as many words as "
     "--tokenizer "
     "has, or bytes), or a model that is to learn more. By default a language model learns to predict the next token "
     "of DATA, and a BERT hidden ones, for which its tokenizer has a token [MASK] (tokenize --train wordpiece). DATA "
     "are text files, directories of them, token files, or the text column of tables.\n\nWith --out, Ctrl-C ends the "
     "training and saves what it has learnt; --resume goes on from there.",
     "pretrain train gpt2-tiny book.txt --steps 500 --length 128\n"
     "pretrain train bert-mini texts --tokenizer words.json --length 128 --out bert\n"
     "pretrain train config.json book.txt --steps 2000 --evaluation 0.05 --out run\n"
     "pretrain train config.json book.txt --steps 2000 --evaluation 0.05 --out run --resume",
     command_train},
    {"finetune", COMMAND_FINETUNE, "MODEL DATA...", 2, -1, "trains a model on labelled data",
     "Trains a model, or a fresh one where the first argument is a config.json, on labelled data: tables with a column "
     "or key \"label\" beside \"text\" or columns of numbers. Labels are classes by their names, or with --task "
     "regression numbers. The head of another task is replaced, the rest of the model goes on from what it has learnt.",
     "pretrain finetune run questions.jsonl --evaluation 0.1 --epochs 5 --out classifier\n"
     "pretrain finetune '{\"model_type\": \"mlp\", \"input_size\": 4, \"hidden_sizes\": [32]}' iris.csv \\\n"
     "    --label-column species --normalize standard --epochs 50 --out iris",
     command_finetune},
    {"evaluate", COMMAND_EVALUATE, "MODEL DATA...", 2, -1, "tells a model's metrics on data",
     "Tells the loss and the metrics of the model's task on labelled data; of a language model, on text.\n\nWith "
     "--reference it tells instead what the model's features are worth before anything learns from labels: each sample "
     "gets the class that its nearest neighbours in that data vote for.",
     "pretrain evaluate classifier test.jsonl --json\n"
     "pretrain evaluate resnet18.safetensors test --reference train --neighbours 20",
     command_evaluate},
    {"predict", COMMAND_PREDICT, "MODEL DATA", 2, 2, "tells what a model makes of each sample",
     "A line for each sample: the label and its probability, with --json the probabilities of all classes; or the "
     "numbers of a regression. DATA is a table, whose labels are not read, or texts, a line each: a .txt file, or - "
     "for "
     "standard input.",
     "pretrain predict classifier new.jsonl --json\necho 'Who wrote Hamlet ?' | pretrain predict classifier -",
     command_predict},
    {"tokenize", COMMAND_TOKENIZE, "MODEL | --train KIND FILE... --out FILE", 1, -1,
     "makes tokens of lines, and lines of tokens",
     "Reads lines from standard input and writes the ids of each line's tokens. MODEL is a directory with a tokenizer, "
     "a model's file beside one, or the tokenizer's own file: tokenizer.json, a SentencePiece model, a GGUF file, "
     "vocab.json with merges.txt beside it, vocab.txt, or tiktoken's ranks.\n\nWith --train it learns a tokenizer from "
     "text files and "
     "writes it to --out.",
     "pretrain tokenize run <book.txt >ids.txt\npretrain tokenize run --decode <ids.txt\n"
     "pretrain tokenize --train bpe --size 8000 --special '<|endoftext|>' book.txt --out tokenizer.json",
     command_tokenize},
    {"generate", COMMAND_GENERATE, "MODEL --prompt TEXT", 1, 1, "continues a text",
     "Continues a text with a language model, and prints it with its continuation as that comes, a whole character at "
     "a "
     "time; with --json the continuation alone, when all of it is there.",
     "pretrain generate run --prompt 'ROMEO:' --count 200 --temperature 0.8 --top-k 20", command_generate},
    {"inspect", COMMAND_INSPECT, "MODEL", 1, 1, "tells what is in a model",
     "Tells a model's family, task, tokenizer, classes and tensors, and what a step of training would cost.",
     "pretrain inspect run\npretrain inspect run --json", command_inspect},
    {"embed", COMMAND_EMBED, "MODEL [FILE]", 1, 2, "makes vectors of lines",
     "A vector for each line of a file or of standard input: the rows of the model's last layer, pooled. Texts that "
     "mean "
     "nearly the same have vectors in nearly the same direction, where the model was trained for that.",
     "pretrain embed all-MiniLM-L6-v2 --normalize --json <sentences.txt", command_embed},
    {"convert", COMMAND_CONVERT, "MODEL OUT", 2, 2, "writes a model in another form",
     "Writes a model to OUT: a directory as Hugging Face's hub has them, which the transformers library opens, one "
     "safetensors file that needs nothing beside it, or one GGUF file, which llama.cpp opens, of llama, mistral, "
     "qwen2, "
     "qwen3, smollm3, gpt2 and bert. Tokenizer and chat template go with it, also from a GGUF file into a directory.",
     "pretrain convert run published --shard 2G\npretrain convert run half.safetensors --to safetensors --dtype "
     "float16\npretrain convert published model.gguf --to gguf --dtype q8_0\npretrain convert model.gguf published",
     command_convert},
};
const int64_t command_count = sizeof command_table / sizeof *command_table;

/* The standard streams exist, so that no file is opened in their place and then written to by mistake. */
static void open_streams(void)
{
    for (int descriptor = 0; descriptor < 3; descriptor++) {
        if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF)
            open("/dev/null", descriptor == 0 ? O_RDONLY : O_RDONLY | O_NOCTTY);
    }
}

static int print_version(void)
{
    printf("pretrain %s\n", pt_version());
    return EXIT_DONE;
}

static int work(const command_t *command, const settings_t *settings, int is_help)
{
    if (is_help || settings->help) {
        help_command(command);
        return EXIT_DONE;
    }
    if (settings->version)
        return print_version();
    interrupts_catch();
    return command->run(settings);
}

static int run(int argc, const char **argv)
{
    if (argc < 2) {
        fputs("usage: pretrain COMMAND ARGUMENTS [OPTIONS]; pretrain --help lists the commands\n", stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (strcmp(word, "help") == 0 && argc == 2)) {
        help_program();
        return EXIT_DONE;
    }
    if (strcmp(word, "--version") == 0)
        return print_version();
    if (strcmp(word, "--describe") == 0) {
        help_describe();
        return EXIT_DONE;
    }
    int is_help = strcmp(word, "help") == 0;
    word = is_help ? argv[2] : word;
    const command_t *command = command_find(word);
    if (!command) {
        const char *nearest = settings_suggest(NULL, word);
        return usage_error(NULL, "unknown %s %s%s%s", word[0] == '-' ? "option" : "command", word,
                           nearest ? ", perhaps " : "", nearest ? nearest : "");
    }
    settings_t settings;
    settings_init(&settings);
    output_name(command->name);
    char *line = settings_line(argc, argv);
    int status = is_help ? EXIT_DONE : settings_parse(&settings, command, argc - 2, argv + 2);
    settings.line = line;
    if (status == EXIT_DONE)
        status = work(command, &settings, is_help);
    free(line);
    return status;
}

int main(int argc, char **argv)
{
    open_streams();
    return output_finish(run(argc, (const char **)argv));
}
