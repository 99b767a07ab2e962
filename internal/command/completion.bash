_PROGRAM_complete() {
  local cur="${COMP_WORDS[COMP_CWORD]}"
  local words=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ "$cur" == -* ]] && words+=("$cur")
  local found
  found="$("${words[@]}" --generate-bash-completion 2>/dev/null)"
  COMPREPLY=($(compgen -W "$found" -- "$cur"))
}
complete -o bashdefault -o default -F _PROGRAM_complete PROGRAM
