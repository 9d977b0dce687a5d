# Completion for bash; made by tools/document_program.py from the program's own tables
_pretrain() {
    local current=${COMP_WORDS[COMP_CWORD]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        words="train finetune evaluate predict tokenize generate inspect embed convert help --help --version"
    else
        case ${COMP_WORDS[1]}:${COMP_WORDS[COMP_CWORD-1]} in
        *:--augment) words="none crop standard strong" ;;
        *:--dtype) words="float32 float16 bfloat16 q8_0" ;;
        *:--format) words="text jsonl csv tokens" ;;
        *:--normalize) words="standard range" ;;
        *:--optimizer) words="adamw adam sgd adafactor" ;;
        *:--pattern) words="gpt2 cl100k llama3 qwen2" ;;
        *:--pool) words="mean cls last" ;;
        *:--precision) words="float32 float16 bfloat16" ;;
        *:--processor) words="portable avx2 avx512 neon" ;;
        *:--schedule) words="constant linear cosine one-cycle" ;;
        *:--task) words="causal_lm masked_lm classification multi_label_classification regression" ;;
        *:--to) words="directory safetensors gguf" ;;
        *:--token-type) words="uint16 uint32" ;;
        *:--train) words="bpe wordpiece unigram" ;;
        *:--out) compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); return ;;
        *:--batch | *:--best | *:--checkpoint-every | *:--checkpoint-seconds) compopt +o default; return ;;
        *:--checkpoints | *:--clip | *:--columns | *:--count) compopt +o default; return ;;
        *:--cutmix | *:--epochs | *:--evaluate-every | *:--event-every) compopt +o default; return ;;
        *:--freeze | *:--image-size | *:--label-column | *:--length) compopt +o default; return ;;
        *:--memory | *:--min-frequency | *:--mixup | *:--neighbours) compopt +o default; return ;;
        *:--patience | *:--prompt | *:--rate | *:--seed) compopt +o default; return ;;
        *:--separator | *:--shard | *:--size | *:--special) compopt +o default; return ;;
        *:--steps | *:--stop | *:--stride | *:--temperature) compopt +o default; return ;;
        *:--text-column | *:--text-end | *:--threads | *:--time) compopt +o default; return ;;
        *:--top-k | *:--top-p | *:--warmup | *:--weight-decay) compopt +o default; return ;;
        *)
            case $current in -*) case ${COMP_WORDS[1]} in
                train)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --text-end --cache --length --stride"
                    words+=" --image-size --augment --mixup --cutmix --task --whole-words"
                    words+=" --steps --epochs --batch --rate --optimizer --schedule"
                    words+=" --warmup --weight-decay --clip --freeze --pool --normalize"
                    words+=" --evaluation --evaluate-every --best --patience --time --out"
                    words+=" --resume --checkpoint-every --checkpoint-seconds --checkpoints --report --events"
                    words+=" --event-every --progress --json --threads --seed --precision"
                    words+=" --processor --memory --help --version"
                    ;;
                finetune)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --text-end --cache --length --stride"
                    words+=" --image-size --augment --mixup --cutmix --task --steps"
                    words+=" --epochs --batch --rate --optimizer --schedule --warmup"
                    words+=" --weight-decay --clip --freeze --probe --pool --normalize"
                    words+=" --evaluation --evaluate-every --best --patience --time --out"
                    words+=" --resume --checkpoint-every --checkpoint-seconds --checkpoints --report --events"
                    words+=" --event-every --progress --json --threads --seed --precision"
                    words+=" --processor --memory --help --version"
                    ;;
                evaluate)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --text-end --length --stride --reference"
                    words+=" --neighbours --batch --json --threads --seed --precision"
                    words+=" --processor --memory --help --version"
                    ;;
                predict)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --length --batch --json --threads"
                    words+=" --seed --precision --processor --memory --help --version"
                    ;;
                tokenize)
                    words="--plain --offsets --decode --train --size --special"
                    words+=" --min-frequency --pattern --cased --out --progress --json"
                    words+=" --threads --seed --precision --processor --memory --help"
                    words+=" --version"
                    ;;
                generate)
                    words="--tokenizer --prompt --count --temperature --top-k --top-p"
                    words+=" --stop --chat --json --threads --seed --precision"
                    words+=" --processor --memory --help --version"
                    ;;
                inspect)
                    words="--tokenizer --length --image-size --batch --json --threads"
                    words+=" --seed --precision --processor --memory --help --version"
                    ;;
                embed)
                    words="--tokenizer --length --batch --pool --normalize --json"
                    words+=" --threads --seed --precision --processor --memory --help"
                    words+=" --version"
                    ;;
                convert)
                    words="--to --dtype --shard --json --threads --seed"
                    words+=" --precision --processor --memory --help --version"
                    ;;
                esac ;;
            esac
            ;;
        esac
    fi
    [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _pretrain pretrain
