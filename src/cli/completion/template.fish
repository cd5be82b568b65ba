# Completion of lbctl for fish, as `lbctl completion fish` prints it. It goes to /usr/share/fish/vendor_completions.d/lbctl.fish or
# ~/.config/fish/completions/lbctl.fish; for one shell: lbctl completion fish | source

set -g __lbctl_commands @COMMAND_NAMES@
# Options that take the next word, and those that take it unless it is an option.
set -g __lbctl_valued @VALUED@
set -g __lbctl_optional @OPTIONAL@

# The options of a command, each with what it does.
function __lbctl_options
    switch "$argv[1]"
@OPTIONS@
    end
end

# What goes at a place: the value of an option (list:--host) or an argument by its number (show:1).
function __lbctl_place
    switch "$argv[1]"
@PLACES@
    end
end

# A command may be shortened as long as it is clear.
function __lbctl_command
    contains -- $argv[1] $__lbctl_commands; and echo $argv[1]; and return
    set -l found (string match -er -- '^'(string escape --style=regex -- $argv[1]) $__lbctl_commands)
    test (count $found) = 1; and echo $found; or echo $argv[1]
end

function __lbctl_complete
    set -l before (commandline -opc)
    set -l cur (commandline -ct | string unescape)
    set -l daemon
    while string match -qr '^[A-Za-z_]\w*=' -- "$before[1]"
        string match -q 'LBD_SOCKET=*' -- $before[1]; and set daemon --socket (string replace LBD_SOCKET= '' -- $before[1])
        set -e before[1]
    end
    set -l program $before[1]
    set -e before[1]
    set -l command ''
    set -l given
    set -l ended ''
    set -l waiting ''
    set -l count 1
    for word in $before
        test "$waiting" = --socket; and set daemon --socket $word
        if test -n "$waiting"; and not begin
                contains -- $waiting $__lbctl_optional; and string match -q -- '-*' $word
            end
            set waiting ''
        else if test -z "$ended"; and test "$word" = --
            set ended yes
            set waiting ''
        else if test -z "$ended"; and string match -q -- '-?*' $word
            set waiting ''
            string match -q -- '--socket=*' $word; and set daemon $word
            contains -- $word $__lbctl_valued $__lbctl_optional; and set waiting $word
        else if test -z "$command"
            set command (__lbctl_command $word)
        else
            set count (math $count + 1)
            set given $word
        end
    end
    set -l head ''
    if test -n "$waiting"; and string match -q -- '-*' "$cur"; and contains -- $waiting $__lbctl_optional
        set waiting ''
    end
    if test -z "$waiting" -a -z "$ended"
        if string match -q -- '--*=*' "$cur"
            set head (string replace -r '=.*' = -- $cur)
            set waiting (string replace -r '=.*' '' -- $cur)
        else if string match -q -- '-*' "$cur"
            __lbctl_options "$command"
            return
        end
    end
    if test -z "$waiting" -a -z "$command"
        printf '%s\n' @COMMANDS@
        return
    end
    set -l place "$command:$waiting"
    test -z "$waiting"; and set place "$command:$count"
    set -l kind (__lbctl_place $place)
    set -l typed (string replace -- "$head" '' "$cur")
    switch "$kind"
        case 'words *'
            printf '%s\n' $head(string split ' ' -- (string replace 'words ' '' -- $kind))
        case 'live *'
            for line in (timeout 2 $program __complete $daemon -- (string replace 'live ' '' -- $kind) "$typed" $given 2>/dev/null)
                printf '%s\n' $head$line
            end
        case files
            printf '%s\n' $head(__fish_complete_path "$typed")
    end
end

complete -c lbctl -f -a '(__lbctl_complete)'
