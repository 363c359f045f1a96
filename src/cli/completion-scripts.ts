export const shells = ['bash', 'zsh', 'fish'] as const

/** After a kind its `/` is there and the name follows; elsewhere a space does. Where nothing fits, files do. */
const bash = `# weir: completion for bash 4.4 and newer
_weir() {
  # A word keeps its colons and equal signs: names have none, values may.
  mapfile -t COMPREPLY < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -gt 0 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace; fi
}
complete -o bashdefault -o default -F _weir weir
`

const zsh = `#compdef weir
# weir: completion for zsh
_weir() {
  local -a candidates
  candidates=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=(\${candidates:#})
  if (( \${#candidates} == 0 )); then
    _files
  elif [[ \${candidates[1]} == */ ]]; then
    compadd -S '' -- "\${candidates[@]}"
  else
    compadd -- "\${candidates[@]}"
  fi
}
if [[ \${funcstack[1]} == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
`

const fish = `# weir: completion for fish
function __weir_complete
  set -l before (commandline -opc)
  $before[1] complete -- $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c weir -f -a '(__weir_complete)'
complete -c weir -s f -l file -r -F
`

export const completionScripts: Record<(typeof shells)[number], string> = { bash, zsh, fish }
