package vm

import (
	"fmt"
	"runtime"
	"strings"

	"nestbed/harness/inventory"
)

const emulator = "qemu-system-x86_64"

// hardware is what a machine is given.
type hardware struct {
	accel      string // kvm or tcg
	processors int
	memory     uint64 // bytes
}

// portFD is the file descriptor of the port's socket in QEMU.
const portFD = 3

// command returns the QEMU arguments that boot the image's kernel (man 1 qemu-system). The
// console is QEMU's standard output.
func (h hardware) command(i *Image) []string {
	// All features that the accelerator supports.
	processor, accel, kernel := "max", h.accel, ""
	if h.accel == tcg {
		processor, accel, kernel = tcgOptions()
	}
	return []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "q35", "-accel", accel, "-cpu", processor, "-smp", fmt.Sprint(h.processors), "-m", fmt.Sprintf("%dM", h.memory>>20),
		"-kernel", i.kernel(), "-initrd", i.initrd(),
		// After a panic the guest reboots at once, which ends QEMU. The console names units.
		"-append", "root=/dev/vda rw console=ttyS0 panic=-1 systemd.show_status=true systemd.log_target=console" + kernel,
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-device", "virtio-rng-pci",
	}
}

// tcgOptions returns options that make a guest under the translator faster. A chain takes a third
// less time with them.
func tcgOptions() (processor, accel, kernel string) {
	// If a processor reports fast string moves ("erms"), the kernel and the C library move all
	// memory by single bytes, and each is an iteration of a translated loop. Otherwise they move
	// eight bytes at once.
	processor = "max,erms=off"
	// The translator needs room for translated code.
	accel = "tcg,thread=multi,tb-size=1024"
	// Go's runtime repeatedly sleeps for 20 us (runtime.sysmon), which costs a timer, an
	// interrupt and two context switches each time. Without high-resolution timers the guest
	// cannot do this more often than it has ticks (Linux: Documentation/timers/highres.rst).
	kernel = " highres=off"
	return processor, accel, kernel
}

// disks returns the arguments for three kinds of disks: the image's, whose changes go to an
// unnamed file, the job's, and those with packages.
func disks(i *Image, job string, packages []packagesDisk) []string {
	args := drive("root", i.disk(), "snapshot=on,cache=unsafe")
	args = append(args, drive("job", job, "readonly=on")...)
	for n, p := range packages {
		args = append(args, drive(fmt.Sprint("packages", n), p.file, "readonly=on")...)
	}
	return args
}

func drive(id, file, options string) []string {
	return []string{"-drive", fmt.Sprintf("if=none,id=%s,format=raw,%s,file=%s", id, options, quoted(file)), "-device", "virtio-blk-pci,drive=" + id}
}

// port returns the arguments for the serial port between guest and host.
func port() []string {
	return []string{
		"-device", "virtio-serial-pci", "-chardev", fmt.Sprintf("socket,id=port,fd=%d", portFD),
		"-device", "virtserialport,chardev=port,name=" + portName,
	}
}

// quoted escapes a value for QEMU's comma-separated lists.
func quoted(value string) string { return strings.ReplaceAll(value, ",", ",,") }

// The memory of a machine, in bytes. The maximum is enough for several hosts with eight levels
// each. leftMemory stays for the host.
const (
	mostMemory  = 8 << 30
	leastMemory = 2 << 30
	leftMemory  = 2 << 30
)

// hardwareHere returns what this machine can give: all processors, and the available memory up to
// mostMemory.
func hardwareHere(accel string) (hardware, error) {
	h := hardware{accel: accel, processors: runtime.NumCPU(), memory: mostMemory}
	if available := inventory.AvailableMemory(); available > 0 {
		if available < leastMemory+leftMemory {
			return h, fmt.Errorf("virtual machine: %d MB of memory are available, expected %d; stop other programs or use a larger machine", available>>20, (leastMemory+leftMemory)>>20)
		}
		h.memory = min(h.memory, available-leftMemory)
	}
	return h, nil
}
