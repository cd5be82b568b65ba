#compdef lbctl
# Completion of lbctl for zsh, as `lbctl completion zsh` prints it. It goes to a folder of $fpath as _lbctl (/usr/share/zsh/site-functions);
# for one shell: source <(lbctl completion zsh), after compinit.

_lbctl_commands=(@COMMAND_NAMES@)
_lbctl_summaries=(@COMMANDS@)
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

_lbctl() {
  local command place given ended kind cur line
  local -a offered daemon before
  cur=${(Q)PREFIX}
  before=("${(@Q)words[2,CURRENT-1]}")
  local program=${(Q)words[1]/#\~\//$HOME/}
  _lbctl_read "${before[@]}"
  if [[ $place != *:-* && -z $ended && $cur == --*=* ]]; then
    place=$command:${cur%%=*}
    compset -P '*='
    cur=${cur#*=}
  elif [[ $place != *:-* && -z $ended && $cur == -* ]]; then
    _lbctl_options "$command"
    _describe -o option offered
    return
  elif [[ $place == :[0-9]* ]]; then
    _describe command _lbctl_summaries
    return
  fi
  _lbctl_place "$place"
  case $kind in
    words*) offered=(${=kind#words }) ;;
    live*)
      # Names and what they are; in a list of _describe a colon stands between them.
      for line in "${(@f)$(timeout 2 "$program" __complete "${daemon[@]}" -- "${kind#live }" "$cur" ${given:+"$given"} 2>/dev/null)}"; do
        [[ -n $line ]] && offered+=("${${line//:/\:}/$'\t'/:}")
      done
      ;;
    files) _files; return ;;
  esac
  (( ${#offered} )) && _describe value offered
}

# Loaded by compinit this file is the function itself; sourced it only defines it.
if [[ ${funcstack[1]} == _lbctl ]]; then
  _lbctl "$@"
else
  compdef _lbctl lbctl
fi
