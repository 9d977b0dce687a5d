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
        *:--epochs | *:--evaluate-every | *:--event-every | *:--freeze) compopt +o default; return ;;
        *:--image-size | *:--label-column | *:--length | *:--memory) compopt +o default; return ;;
        *:--min-frequency | *:--patience | *:--prompt | *:--rate) compopt +o default; return ;;
        *:--seed | *:--separator | *:--shard | *:--size) compopt +o default; return ;;
        *:--special | *:--steps | *:--stop | *:--stride) compopt +o default; return ;;
        *:--temperature | *:--text-column | *:--text-end | *:--threads) compopt +o default; return ;;
        *:--time | *:--top-k | *:--top-p | *:--warmup) compopt +o default; return ;;
        *:--weight-decay) compopt +o default; return ;;
        *)
            case $current in -*) case ${COMP_WORDS[1]} in
                train)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --text-end --cache --length --stride"
                    words+=" --image-size --augment --task --steps --epochs --batch"
                    words+=" --rate --optimizer --schedule --warmup --weight-decay --clip"
                    words+=" --freeze --pool --normalize --evaluation --evaluate-every --best"
                    words+=" --patience --time --out --resume --checkpoint-every --checkpoint-seconds"
                    words+=" --checkpoints --report --events --event-every --progress --json"
                    words+=" --threads --seed --precision --processor --memory --help"
                    words+=" --version"
                    ;;
                finetune)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --text-end --cache --length --stride"
                    words+=" --image-size --augment --task --steps --epochs --batch"
                    words+=" --rate --optimizer --schedule --warmup --weight-decay --clip"
                    words+=" --freeze --probe --pool --normalize --evaluation --evaluate-every"
                    words+=" --best --patience --time --out --resume --checkpoint-every"
                    words+=" --checkpoint-seconds --checkpoints --report --events --event-every --progress"
                    words+=" --json --threads --seed --precision --processor --memory"
                    words+=" --help --version"
                    ;;
                evaluate)
                    words="--format --tokenizer --text-column --label-column --columns --separator"
                    words+=" --no-headings --token-type --text-end --length --stride --batch"
                    words+=" --json --threads --seed --precision --processor --memory"
                    words+=" --help --version"
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
