package host

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// The guardian is this binary again, which gives a loan back when the process that has it is gone.
const (
	guardianName = "nestbed-guardian"
	coverWord    = "cover\n"    // the files are covered from now on
	restoredWord = "restored\n" // there is nothing to do any more
)

// The descriptors that the guardian is started with (see post).
const (
	guardControlFD = 3 + iota
	guardNSFD
	guardLockFD
	guardCoverLockFD // held only
)

// guardOrder is what the guardian is told, as its only argument.
type guardOrder struct {
	Address string    `json:"address"`
	Project string    `json:"project"`
	By      restarter `json:"by"`
	Before  [2][]byte `json:"before"` // bytes, which JSON does not change
}

type guardian struct {
	cmd     *exec.Cmd
	control *os.File
}

// post starts the guardian of the system's loan. It holds the locks, too: nobody covers the files before it is done.
func (s *system) post() (*guardian, error) {
	l := s.loan
	order, err := json.Marshal(guardOrder{
		Address: s.address, Project: s.project.name, By: l.by, Before: [2][]byte{[]byte(l.before[0]), []byte(l.before[1])},
	})
	if err != nil {
		return nil, err
	}
	controlRead, control, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer controlRead.Close()
	cmd := reexec.Command(guardianName, string(order))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what ends a terminal's processes ends it not
	cmd.ExtraFiles = []*os.File{controlRead, l.ns.file, l.lock, l.cover.lock}
	cmd.Env, cmd.Dir = slices.Concat(cleanEnv, []string{wait.PatienceEnv + "=" + os.Getenv(wait.PatienceEnv)}), "/"
	if err := cmd.Start(); err != nil {
		_ = control.Close()
		return nil, err
	}
	return &guardian{cmd: cmd, control: control}, nil
}

func (g *guardian) say(word string) error {
	_, err := g.control.WriteString(word)
	return err
}

// dismiss ends the guardian. Where something is left to do it tries that, and is not waited for.
func (g *guardian) dismiss(done bool) {
	if done {
		_ = g.say(restoredWord) // if somebody has ended it, it is not there to be told
	}
	_ = g.control.Close()
	if done {
		_ = g.cmd.Wait()
	} else {
		_ = g.cmd.Process.Release()
	}
}

// guard is the guardian's main. What it does not succeed in is left to the next run, and to nestbed reap, which tells why.
func guard() {
	for _, fd := range []int{guardControlFD, guardNSFD, guardLockFD, guardCoverLockFD} {
		unix.CloseOnExec(fd)
	}
	var order guardOrder
	if err := json.Unmarshal([]byte(os.Args[1]), &order); err != nil {
		os.Exit(1)
	}
	l := &loan{
		ns: mountNS{os.NewFile(guardNSFD, "ns")}, lock: os.NewFile(guardLockFD, "lock"), by: order.By,
		before: &[2]string{string(order.Before[0]), string(order.Before[1])},
	}
	words := bufio.NewReader(os.NewFile(guardControlFD, "control"))
	for {
		word, err := words.ReadString('\n')
		switch {
		case word == restoredWord:
			os.Exit(0)
		case word == coverWord:
			l.covers = true
		case err != nil:
			if order.restore(context.Background(), l) != nil { //nolint:forbidigo // a main's
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
}

// restore does what Close of the host would have done.
func (o guardOrder) restore(ctx context.Context, l *loan) error {
	s := &system{address: o.Address, loan: l}
	answer := func(ctx context.Context) error {
		return wait.For(ctx, "wait for LXD to answer", readyBudget, func(ctx context.Context) error {
			_, err := s.connect(ctx)
			return err
		})
	}
	if err := answer(ctx); err != nil {
		// It was ended, and does not come up by itself. At least it shall read the machine's files when it does.
		if err := uncover(l.ns); err != nil {
			return err
		}
		if err := l.by.run(ctx); err != nil {
			return err
		}
		if err := answer(ctx); err != nil {
			return err
		}
	}
	defer func() { s.all.Disconnect() }()
	s.project = theirs(s.all, o.Project)
	// What the run had begun there may not have come to its end yet. The allocation is given back even if that does not.
	return errors.Join(wait.For(ctx, "clear project "+o.Project, removeBudget, s.project.clear), s.undo(ctx))
}
