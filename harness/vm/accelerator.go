package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// The accelerators of QEMU.
const (
	kvm = "kvm" // the processor runs the guest
	tcg = "tcg" // software translates every instruction
)

// probeBudget is the time for a guest's kernel to print its first line, which takes a tenth of a
// second.
const probeBudget = 10 * time.Second

// probeMemory is the memory of the probe's guest, in bytes. Its kernel and initramfs fit.
const probeMemory = 512 << 20

// accelerator returns the accelerator to use, and why. It boots a kernel to see whether KVM
// works, because on some machines /dev/kvm opens but guests hang. The answer is cached until this
// machine reboots.
func accelerator(ctx context.Context, i *Image, progress func(string)) (accel, why string, err error) {
	fd, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return tcg, "/dev/kvm: " + err.Error(), nil
	}
	_ = unix.Close(fd)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", "", err
	}
	// The file holds an answer for this account and this kernel, and the boot id that it is valid
	// for.
	path := fmt.Sprintf("%s.kvm-%d", i.dir, os.Geteuid())
	if text, err := os.ReadFile(path); err == nil {
		of, answer, _ := strings.Cut(string(text), " ")
		accel, why, _ = strings.Cut(strings.TrimSpace(answer), ": ")
		if of == strings.TrimSpace(string(boot)) && (accel == kvm || accel == tcg) {
			return accel, why, nil
		}
	}
	progress("testing KVM, once per boot of this machine")
	accel, why = kvm, "a guest boots"
	if err := probe(ctx, i); err != nil {
		if ctx.Err() != nil {
			return "", "", context.Cause(ctx)
		}
		accel, why = tcg, strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return accel, why, renameio.WriteFile(path, fmt.Appendf(nil, "%s %s: %s\n", bytes.TrimSpace(boot), accel, why), 0o644)
}

// probe boots the image's kernel under KVM without a disk, and waits for its first line.
func probe(ctx context.Context, i *Image) error {
	console := &console{}
	h := hardware{accel: kvm, processors: 1, memory: probeMemory}
	qemu, err := start(ctx, h.command(i), console)
	if err != nil {
		return err
	}
	err = wait.For(ctx, "wait for a guest's kernel under KVM", probeBudget, func(context.Context) error {
		if console.contains("Linux version") {
			return nil
		}
		select {
		case <-qemu.done:
			return wait.Final(fmt.Errorf("QEMU ended: %s", console.reason()))
		default:
			return fmt.Errorf("the console said: %s", console.reason())
		}
	})
	if killed := qemu.kill(); err == nil {
		err = killed
	}
	return err
}
