package existing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/inventory"
	"nestbed/harness/keyring"
	"nestbed/harness/reach"
	"nestbed/harness/reach/relay"
)

// forExisting is the kind of run that uses an existing LXD.
const forExisting = "existing host"

// Requirements returns what a run on an existing LXD needs from the machine and the account. It
// asks that LXD. An empty address means the socket that FindLXD returns.
func Requirements(ctx context.Context, store bundle.Store, of LXD) []inventory.Requirement {
	r := inventory.Requirement{For: forExisting, Name: "LXD"}
	viaExec, err := false, error(nil)
	if of.Address == "" {
		of.Address, err = FindLXD()
	}
	if err == nil {
		r.Found, viaExec, err = askSystem(ctx, of)
	}
	switch {
	case err == nil:
		r.OK = true
	case errors.Is(err, fs.ErrPermission):
		r.Found, r.Fix = "it refuses user id "+fmt.Sprint(os.Geteuid()), permissionFix
	default:
		found, fix, hasFix := strings.Cut(inOneLine(err), "; ")
		if r.Found, r.Fix = found, fix; !hasFix {
			r.Fix, err = "start it", ErrNotListening
		}
	}
	r.Cause = err
	if !viaExec {
		return []inventory.Requirement{r}
	}
	helper := inventory.Requirement{For: forExisting, Name: relay.Program, OK: true, Found: "there"}
	if err := reach.FindRelay(ctx, store); err != nil {
		helper.OK, helper.Found = false, inOneLine(err)
		helper.Fix = "make build, and keep it beside nestbed"
	}
	return []inventory.Requirement{r, helper}
}

func inOneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// askSystem asks an LXD for its version, with a short time limit, and reports whether it reaches
// levels through LXD exec.
func askSystem(ctx context.Context, of LXD) (found string, viaExec bool, err error) {
	s := &daemon{LXD: of}
	info, err := s.connect(reach.Impatient(ctx))
	if s.all != nil {
		defer s.all.Disconnect()
	}
	if err != nil {
		return "", false, err
	}
	found = fmt.Sprintf("%s %s at %s, ", info.Environment.Server, info.Environment.ServerVersion, of.Address)
	if keyring.IsAddress(of.Address) {
		return found + "levels reached through LXD exec", true, nil
	}
	root, err := rootOf(info.Environment.ServerPid)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("its process %d is not seen on this machine", info.Environment.ServerPid)
	} else if err != nil {
		return "", false, err
	}
	defer root.Close()
	found += fmt.Sprint("user id ", os.Geteuid())
	if root.Tunnels() {
		found += ", levels reached through LXD exec"
	}
	return found, root.Tunnels(), nil
}

// Check returns the first missing requirement of this account for a run on an existing LXD with a
// bundle of the given kind from the store.
func Check(ctx context.Context, store bundle.Store, kind bundle.Kind, of LXD) error {
	for _, r := range append(Requirements(ctx, store, of), inventory.Bundles(store)...) {
		if r.For == forExisting || r.For == "bundle "+string(kind) {
			if err := r.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}
