package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/rerun"
)

const (
	// guestName is the name under which the guest's systemd starts this program
	// (tree/etc/systemd/system/nestbed.service).
	guestName = "nestbed-guest"
	// guestDir is where that unit has put the job.
	guestDir = "/var/lib/nestbed-guest"
	// portPath is the guest's end of the serial port to the host.
	portPath = "/dev/virtio-ports/" + portName
	portName = "nestbed"
	// aliveEvery is the interval at which the guest reports that it is alive and sends new
	// results.
	aliveEvery = 2 * time.Second
	// interrupt is the byte with which the host asks the program to end.
	interrupt = 'i'
)

// RegisterPrograms registers the program that runs in a virtual machine, for start.Init.
func RegisterPrograms() { rerun.Register(guestName, guest) }

// guest runs the job and turns the machine off.
func guest() {
	port, err := os.OpenFile(portPath, os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // to the console
		os.Exit(1)
	}
	host := newSender(port)
	end := &ended{}
	end.Status, err = runJob(context.Background(), host, port) //nolint:forbidigo // this is a main function
	if err != nil {
		end.Error = err.Error()
	}
	if err := host.send(message{Ended: end}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// The host ends the machine when it has read this message, and discards the disk. If the
	// guest turned itself off, messages on their way could be lost. It does so only if the host
	// is gone.
	<-time.After(endBudget)
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// runJob runs the job's program and returns its exit status.
func runJob(ctx context.Context, host *sender, orders io.Reader) (int, error) {
	text, err := os.ReadFile(filepath.Join(guestDir, jobName))
	if err != nil {
		return 0, err
	}
	var job Job
	if err := json.Unmarshal(text, &job); err != nil {
		return 0, fmt.Errorf("%s: %w", jobName, err)
	}
	if err := mountPackages(job.Packages); err != nil {
		return 0, err
	}
	cmd := command.New(ctx, filepath.Join(guestDir, programName), job.Args...)
	cmd.Dir = filepath.Join(guestDir, "work")
	if err := os.MkdirAll(cmd.Dir, 0o755); err != nil {
		return 0, err
	}
	for name, content := range job.Files {
		path := filepath.Join(cmd.Dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return 0, err
		}
	}
	cmd.Env = append([]string{"PATH=" + command.Path, "HOME=/root", "LANG=C.UTF-8"}, job.Env...)
	for name, dir := range job.Results {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
		cmd.Env = append(cmd.Env, name+"="+dir)
	}
	cmd.Stdout = stream{host, func(p []byte) message { return message{Stdout: p} }}
	cmd.Stderr = stream{host, func(p []byte) message { return message{Stderr: p} }}
	if err := host.send(message{Started: describeGuest()}); err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go forwardInterrupts(orders, cmd.Process)
	return watch(cmd, host, &outbox{to: host, dirs: job.Results, sent: map[string]stamp{}})
}

// watch sends the guest's state and new results to the host until the program has ended, and then
// the last results.
func watch(cmd *exec.Cmd, host *sender, box *outbox) (int, error) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := errors.Join(box.flush(), host.send(message{Alive: freeResources()})); err != nil {
				return 0, err
			}
		case err := <-done:
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() < 0 {
				return 0, errors.Join(fmt.Errorf("the program was killed: %w", err), box.flush())
			} else if err != nil && exit == nil {
				return 0, errors.Join(err, box.flush())
			}
			return cmd.ProcessState.ExitCode(), box.flush()
		}
	}
}

// forwardInterrupts interrupts the program each time the host asks for it.
func forwardInterrupts(orders io.Reader, program *os.Process) {
	for word := make([]byte, 1); ; {
		// The host has closed the port, so no more orders come.
		if _, err := orders.Read(word); err != nil {
			return
		}
		if word[0] == interrupt {
			_ = program.Signal(os.Interrupt)
		}
	}
}

func describeGuest() *started {
	s := &started{}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		s.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) == nil {
		s.Up = time.Duration(now.Nano()).Seconds()
	}
	return s
}

func freeResources() *alive {
	a := &alive{}
	var memory unix.Sysinfo_t
	if unix.Sysinfo(&memory) == nil {
		a.FreeMemory = memory.Freeram * uint64(memory.Unit)
	}
	var disk unix.Statfs_t
	if unix.Statfs(guestDir, &disk) == nil {
		a.FreeDisk = disk.Bavail * uint64(disk.Bsize)
	}
	return a
}
