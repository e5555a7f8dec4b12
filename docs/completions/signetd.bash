# Completion of signetd for bash.
_signetd() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='serve check doctor routes openapi backup restore hook mcp version token api-key password help'
    case $before in
        --workspace) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        --role) mapfile -t COMPREPLY < <(compgen -W 'admin operator agent readonly' -- "$word"); return ;;
        --port | --bind | --url | --api-key | --project | --agent | --ttl | --name | --connector | --permissions | --expires | --keep)
            return ;;
    esac
    local options='--workspace --port --bind --help --version'
    local command='' part
    for part in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $part in
            -*) ;;
            *)
                if [[ " $commands " == *" $part "* ]]; then
                    command=$part
                    break
                fi
                ;;
        esac
    done
    case $command in
        '') options="$commands $options" ;;
        backup)
            options='--keep --workspace'
            [[ $word == -* ]] || { mapfile -t COMPREPLY < <(compgen -d -- "$word"); return; }
            ;;
        restore)
            options='--force --check --workspace'
            [[ $word == -* ]] || { mapfile -t COMPREPLY < <(compgen -d -- "$word"); return; }
            ;;
        hook)
            options='claude-code codex opencode session-start user-prompt-submit pre-compact post-compact stop session-end'
            ;;
        mcp) options='--url --api-key --workspace' ;;
        token) options='create --role --project --agent --ttl --workspace' ;;
        api-key) options='create list revoke --name --role --project --agent --connector --permissions --expires --workspace' ;;
        password) options='hash' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _signetd signetd
