# Makes a host around this shell, which is the first process of fresh namespaces, and becomes its init.
# Arguments: the tree, the host's directory, its name. Says its pid on standard output and then waits for a line on
# standard input: until then its network does not exist.
set -eu
tree=$1 dir=$2 name=$3

# /proc still is the machine's, so this is the pid outside.
read -r pid _ </proc/self/stat
echo "$pid"
read -r _

hostname "$name"
root=$dir/root
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$dir/upper,workdir=$dir/work" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys -o ro
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/lock run/old

mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

# The kernel's settings belong to the whole machine; those of the network belong to the host. The boot's id is the
# machine's too, and journald tells boots apart by it.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,rw proc/sys/net
mount --bind "$dir/boot_id" proc/sys/kernel/random/boot_id
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger

pivot_root . run/old
umount -l /run/old
rmdir /run/old
export container=lxc
exec /sbin/init </dev/null >&2
