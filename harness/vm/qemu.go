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

// portFD is the descriptor of the socket at which QEMU finds the host's end of the port.
const portFD = 3

// command is how QEMU is started for a kernel with its initramfs: the console is its standard output (man 1 qemu-system).
func (h hardware) command(i *Image) []string {
	// A processor with all that the accelerator can do.
	processor, accel, kernel := "max", h.accel, ""
	if h.accel == tcg {
		processor, accel, kernel = translated()
	}
	return []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "q35", "-accel", accel, "-cpu", processor, "-smp", fmt.Sprint(h.processors), "-m", fmt.Sprintf("%dM", h.memory>>20),
		"-kernel", i.kernel(), "-initrd", i.initrd(),
		// It does not wait after a panic but reboots, which is its end. Units are named on the console.
		"-append", "root=/dev/vda rw console=ttyS0 panic=-1 systemd.show_status=true systemd.log_target=console" + kernel,
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-device", "virtio-rng-pci",
	}
}

// translated is what makes a guest faster whose every instruction is translated; a chain takes two thirds of the time by it.
func translated() (processor, accel, kernel string) {
	// Where a processor says that it moves strings fast ("erms"), kernel and C library move all by single bytes, each of which is a turn
	// of a translated loop; else by eight.
	processor = "max,erms=off"
	// The translator needs room for what it has translated.
	accel = "tcg,thread=multi,tb-size=1024"
	// Go's runtime sleeps for 20 us over and over (runtime.sysmon): a timer, an interrupt and two switches each time, of which the guest
	// has no more than it has ticks without timers of high resolution (Linux: Documentation/timers/highres.rst).
	kernel = " highres=off"
	return processor, accel, kernel
}

// disks are the image's, whose changes go to a file without a name, the one with the job, and those with packages.
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

// port is the serial port by which the guest talks to its host.
func port() []string {
	return []string{
		"-device", "virtio-serial-pci", "-chardev", fmt.Sprintf("socket,id=port,fd=%d", portFD),
		"-device", "virtserialport,chardev=port,name=" + portName,
	}
}

// quoted is a value as QEMU reads it from a list with commas.
func quoted(value string) string { return strings.ReplaceAll(value, ",", ",,") }

// The memory of a machine, in bytes: enough for hosts side by side with eight levels each; and what is left to its host.
const (
	mostMemory  = 8 << 30
	leastMemory = 2 << 30
	leftMemory  = 2 << 30
)

// hardwareHere is what this machine can give: all processors, and memory as far as it is available.
func hardwareHere(accel string) (hardware, error) {
	h := hardware{accel: accel, processors: runtime.NumCPU(), memory: mostMemory}
	if available := inventory.AvailableMemory(); available > 0 {
		if available < leastMemory+leftMemory {
			return h, fmt.Errorf("virtual machine: %d MB of memory are available, expected %d; end something, or use a larger machine", available>>20, (leastMemory+leftMemory)>>20)
		}
		h.memory = min(h.memory, available-leftMemory)
	}
	return h, nil
}
