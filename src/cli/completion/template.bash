# Completion of lbctl for bash, as `lbctl completion bash` prints it. For one shell: source <(lbctl completion bash). For all of them it
# goes to /usr/share/bash-completion/completions/lbctl, or is sourced by ~/.bashrc.

_lbctl_commands=(@COMMAND_NAMES@)
# Options that take the next word, and those that take it unless it is an option.
_lbctl_valued=' @VALUED@ '
_lbctl_optional=' @OPTIONAL@ '

# Sets offered to the options of a command.
_lbctl_options() {
  offered=()
  case $1 in
@OPTIONS@
  esac
}

# Sets kind to what goes at a place: the value of an option (list:--host) or an argument by its number (show:1).
_lbctl_place() {
  kind=
  case $1 in
@PLACES@
  esac
}

# A command may be shortened as long as it is clear.
_lbctl_command() {
  local one found=
  for one in "${_lbctl_commands[@]}"; do
    [[ $one == "$1" ]] && { command=$1; return; }
    [[ $one == "$1"* ]] && found="$found $one"
  done
  command=${found# }
  [[ $command == *' '* || -z $command ]] && command=$1
}

# The words before the one that is typed: sets command, place, given (the word before, no option), ended (after --) and daemon.
_lbctl_read() {
  local word waiting= count=1
  command= given= ended= daemon=()
  for word in "$@"; do
    if [[ $waiting == --socket ]]; then daemon=(--socket "$word"); fi
    if [[ -n $waiting && ! ( $_lbctl_optional == *" $waiting "* && $word == -* ) ]]; then
      waiting=
    elif [[ -z $ended && $word == -- ]]; then
      ended=yes waiting=
    elif [[ -z $ended && $word == -?* ]]; then
      waiting=
      case $word in
        --socket=*) daemon=("$word") ;;
        *) [[ "$_lbctl_valued$_lbctl_optional" == *" $word "* ]] && waiting=$word ;;
      esac
    elif [[ -z $command ]]; then
      _lbctl_command "$word"
    else
      count=$((count + 1)) given=$word
    fi
  done
  [[ $cur == -* && $_lbctl_optional == *" $waiting "* ]] && waiting=
  place=$command:${waiting:-$count}
}

# The line up to the cursor: sets words (without the last), cur (the last, without quotes), kept (what bash leaves alone of it, because it
# breaks words at a colon) and quote (the one that is open).
_lbctl_split() {
  local line=$1 i c begun=
  words=() cur= kept= quote=
  for ((i = 0; i < ${#line}; i++)); do
    c=${line:i:1}
    if [[ -n $quote && $c == "$quote" ]]; then
      quote=
    elif [[ $quote == '"' && $c == \\ && ${line:i+1:1} == [\"\\\$\`] ]] || [[ -z $quote && $c == \\ ]]; then
      i=$((i + 1)) cur+=${line:i:1} begun=yes
    elif [[ -n $quote ]]; then
      cur+=$c
    elif [[ $c == [\"\'] ]]; then
      quote=$c begun=yes kept=$cur
    elif [[ $c == [[:space:]] ]]; then
      [[ -n $begun ]] && words+=("$cur")
      cur= kept= begun=
    else
      cur+=$c begun=yes
      [[ $COMP_WORDBREAKS == *"$c"* ]] && kept=$cur
    fi
  done
  # LBD_SOCKET=/run/other.sock lbctl …
  while [[ ${words[0]} == [A-Za-z_]*=* ]]; do
    [[ ${words[0]} == LBD_SOCKET=* ]] && given_socket=${words[0]#*=}
    words=("${words[@]:1}")
  done
}

_lbctl() {
  local command place given ended kind words cur kept quote given_socket= head= one rest
  local -a offered daemon
  _lbctl_split "${COMP_LINE:0:COMP_POINT}"
  local program=${words[0]/#\~\//$HOME/}
  _lbctl_read "${words[@]:1}"
  [[ -n $given_socket && ${#daemon[@]} == 0 ]] && daemon=(--socket "$given_socket")
  COMPREPLY=()
  if [[ $place != *:-* && -z $ended && $cur == --*=* ]]; then
    head=${cur%%=*}=
    place=$command:${cur%%=*}
  fi
  _lbctl_place "$place"
  if [[ $place != *:-* && -z $ended && $cur == -* ]]; then
    _lbctl_options "$command"
  elif [[ $place == *:-* || -n $command ]]; then
    case $kind in
      words*) read -ra offered <<<"${kind#words }" ;;
      live*)
        mapfile -t offered < <(timeout 2 "$program" __complete "${daemon[@]}" -- "${kind#live }" "${cur#"$head"}" ${given:+"$given"} 2>/dev/null)
        offered=("${offered[@]%%$'\t'*}")
        ;;
      files)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "${cur#"$head"}")
        kept=${kept#"$head"}
        COMPREPLY=("${COMPREPLY[@]#"$kept"}")
        return
        ;;
    esac
  else
    offered=("${_lbctl_commands[@]}")
  fi
  for one in "${offered[@]}"; do
    [[ $head$one == "$cur"* ]] || continue
    rest=$head$one rest=${rest#"$kept"}
    [[ -z $quote && $rest == *[^A-Za-z0-9_.,:/@%+=-]* ]] && printf -v rest %q "$rest"
    COMPREPLY+=("$rest")
  done
}

complete -F _lbctl lbctl
