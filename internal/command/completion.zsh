#compdef PROGRAM
_PROGRAM() {
  local cur="${words[CURRENT]}"
  local -a call found
  call=("${(@)words[1,CURRENT-1]}")
  [[ "$cur" == -* ]] && call+=("$cur")
  found=("${(@f)$("${call[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then
    compadd -- "${found[@]}"
  else
    _files
  fi
}
compdef _PROGRAM PROGRAM
