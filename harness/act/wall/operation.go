package wall

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Operation is an operation that the kernel may refuse. busybox runs it in a shell, so that its
// result is the kernel's error text.
type Operation struct {
	// Name is the text after "tries to" in a step.
	Name string
	// open is the script that root of the place runs first, for example to open a file that it
	// hands over.
	open string
	// try is the script of the operation itself.
	try string
	// clean is the script that root of the place runs afterwards, in any case.
	clean string
}

// scratch makes a file of the place's root that nobody else may read or write.
const (
	scratch       = `f=$(mktemp /tmp/nestbed.XXXXXX); chmod 600 $f; echo secret >$f; export f`
	removeScratch = `rm -f $f`
)

// aside makes a directory that everybody may write to.
const (
	aside       = `f=$(mktemp -d /tmp/nestbed.XXXXXX); chmod 777 $f; export f`
	removeAside = `umount $f 2>/dev/null; rm -rf $f`
)

// operations are the operations that ParseOperation knows by name.
var operations = slices.Concat([]Operation{
	// Resources of the whole machine.
	{Name: "make a character device", open: aside, try: `mknod $f/d c 1 3`, clean: removeAside},
	{Name: "make a block device", open: aside, try: `mknod $f/d b 7 0`, clean: removeAside},
	{Name: "mount the filesystem of a device", open: aside, try: `mount -t ext4 /dev/null $f`, clean: removeAside},
	{Name: "mount a tmpfs", open: aside, try: `mount -t tmpfs none $f`, clean: removeAside},
	{Name: "enable swap on a file", open: scratch, try: `swapon $f`, clean: removeScratch},
	// busybox prints the error, but exits with 0.
	{Name: "set the clock", try: `! date -s @$(date +%s) 2>&1 >/dev/null | grep .`},
	{Name: "clear the kernel log", try: `dmesg -c`},
	{Name: "reboot", try: `reboot -f`},
	// Raising a lowered limit requires CAP_SYS_RESOURCE (kernel/sys.c, do_prlimit).
	{Name: "raise a hard limit", try: `ulimit -H -S -n 1024; ulimit -H -n 2048`},
	{Name: "raise its priority", try: `renice -n -5 -p $$`},
	{Name: "exempt itself from the out-of-memory killer", try: `echo -1000 >/proc/$$/oom_score_adj`},
	{Name: "set the TTL of its packets to 63", try: `echo 63 >/proc/sys/net/ipv4/ip_default_ttl`},

	// Processes of the place; pid 1 is its init.
	{Name: "signal the init", try: `kill -CONT 1`},
	{Name: "signal its own init", try: `kill -CONT $own`},
	{Name: "read the environment of its own init", try: `cat /proc/$own/environ`},
	{Name: "open the memory of the init", try: `exec 3<>/proc/1/mem`},
	{Name: "read the environment of the init", try: `cat /proc/1/environ`},
	{Name: "read the memory map of the init", try: `cat /proc/1/maps`},
	{Name: "list the root directory of the init", try: `ls /proc/1/root/`},
	{Name: "list the open files of the init", try: `ls /proc/1/fd/`},

	// Files of the place.
	{Name: "read a file", open: scratch, try: `cat $f`, clean: removeScratch},
	{Name: "write to a file", open: scratch, try: `echo more >>$f`, clean: removeScratch},
	{Name: "take ownership of a file", open: scratch, try: `chown 0 $f`, clean: removeScratch},
	{Name: "make a file writable for everybody", open: scratch, try: `chmod 666 $f`, clean: removeScratch},
	{Name: "remove a file", open: scratch + `; mv $f /root/; f=/root/${f##*/}`, try: `rm $f`, clean: removeScratch},
	{Name: "make a file in the root directory", try: `touch /nestbed.mark`, clean: `rm -f /nestbed.mark`},

	// Cgroups of the place: on v1 each controller has its own directory, on v2 they share one.
	{
		Name: "lift the limit on the memory of level 1",
		open: `d=/sys/fs/cgroup/lxc.payload.c1; f=$d/memory.max; [ -e $f ] || f=/sys/fs/cgroup/memory/lxc.payload.c1/memory.limit_in_bytes; export f`,
		try:  `cat $f >/dev/null && echo $(cat $f) >$f`,
	},
	{
		Name: "move to the cgroup of the host",
		open: `f=/sys/fs/cgroup/cgroup.procs; [ -e $f ] || f=/sys/fs/cgroup/memory/cgroup.procs; [ -e ${f%/*}/init.scope ] && f=${f%/*}/init.scope/cgroup.procs; export f`,
		try:  `echo $$ >$f`,
	},
	{
		Name: "lift the limit on its own memory",
		open: `f=/sys/fs/cgroup/memory.max; [ -e $f ] || f=/sys/fs/cgroup/memory/memory.limit_in_bytes; export f`,
		try:  `cat $f >/dev/null && echo $(cat $f) >$f`,
	},
}, namespaceOperations())

// namespaceOperations returns operations that enter a namespace of the place's init. The place's
// root opens the namespace file, so that the permissions of the file play no part.
func namespaceOperations() (all []Operation) {
	for _, n := range []struct{ name, file, option string }{
		{"mount", "mnt", "-m"}, {"network", "net", "-n"}, {"pid", "pid", "-p"}, {"uts", "uts", "-u"}, {"ipc", "ipc", "-i"},
	} {
		all = append(all, Operation{
			Name: fmt.Sprintf("enter the %s namespace through an inherited descriptor", n.name),
			open: "exec 3</proc/1/ns/" + n.file,
			try:  "nsenter " + n.option + "/proc/self/fd/3 true",
		})
	}
	return all
}

var sysctlOperation = regexp.MustCompile(`^write the setting (` + settingPattern + `)$`)

// ParseOperation returns the operation with a name. "write the setting NAME" is known for every
// sysctl name; it writes the current value.
func ParseOperation(name string) (Operation, error) {
	if m := sysctlOperation.FindStringSubmatch(name); m != nil {
		file := "/proc/sys/" + strings.ReplaceAll(m[1], ".", "/")
		return Operation{Name: name, try: fmt.Sprintf(`v=$(cat %[1]s) && echo "$v" >%[1]s`, file)}, nil
	}
	var names []string
	for _, o := range operations {
		if o.Name == name {
			return o, nil
		}
		names = append(names, o.Name)
	}
	return Operation{}, fmt.Errorf("operation %q: not known; use one of %q or \"write the setting NAME\"", name, names)
}
