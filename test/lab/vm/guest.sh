#!/bin/sh
# Runs in the guest as its first process, on the host's root with a tmpfs above it. $1: the folder of this run.
run=$1
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
. "$run/env.sh"
cp "$run/job.sh" /dev/shm/job.sh
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/netns /run/lock /var/lock
mkdir -p "/lib/modules"
rm -rf "/lib/modules/$LAB_VERSION"
ln -sfn "$LAB_MODULES" "/lib/modules/$LAB_VERSION"
mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null
hostname lab
ip link set lo up
modprobe -a virtio_console ip_vs
if [ -n "$LAB_OUT" ]; then
  mkdir -p /run/lab-out
  mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /run/lab-out
  LBD_LAB_OUT=/run/lab-out
  export LBD_LAB_OUT
fi
port() {
  for dir in /sys/class/virtio-ports/*; do
    [ "$(cat "$dir/name")" = "$1" ] && echo "/dev/${dir##*/}" && return
  done
}
mkfifo /dev/shm/out /dev/shm/err
exec 5>"$(port lab.status)"
echo ready >&5
# Signs of life: they tell a command that hangs from a guest that does.
while sleep 5; do echo alive; done >&5 &
# The command gets pipes, not the ports: a port can be opened only once, and programs reopen /dev/stdout.
cat /dev/shm/out >"$(port lab.out)" &
out=$!
cat /dev/shm/err >"$(port lab.err)" &
err=$!
# Job control would print, and the command must not be a session of ours: setsid gives it a group of its own.
setsid -w sh /dev/shm/job.sh </dev/null >/dev/shm/out 2>/dev/shm/err 5>&-
status=$?
# Whatever the command left running may hold the pipes open: end it, then let the last words through.
for dir in /proc/[0-9]*; do
  pid=${dir#/proc/}
  case " 1 $$ $out $err " in *" $pid "*) continue ;; esac
  # Kernel threads have no command line. Nothing is started for each: that takes the guest a tenth of a second.
  words=
  { IFS= read -r words <"$dir/cmdline"; } 2>/dev/null
  [ -n "$words" ] && kill -9 "$pid" 2>/dev/null
done
wait "$out" "$err"
echo "exit $status" >&5
while :; do sleep 1000; done
