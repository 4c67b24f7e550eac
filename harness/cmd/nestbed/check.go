package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nestbed/harness/idmap"
)

type checkFlags struct {
	flavor         string
	subuid, subgid string
	own, owner     string
	newuidmap      string
	image, config  string
	json           bool
	svg            string
}

func newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [FILE|-]",
		Short: "Show how LXD reads subuid and subgid, or find what cannot work in a list of containers",
		Long: `Without FILE: reads this machine's /etc/subuid and /etc/subgid as LXD does. Shows
what LXD makes of each line, which ids containers get, how deep chains can be, and
what a deeper chain needs. (The LXD snap does not read these files: its containers
get 1000000000 ids from 1000000 up.) Names each problem with its lines and the smallest
change that fixes it, also if another user can enter the containers, and says what
the other of LXD and Incus makes of the files.

With FILE, or - for standard input: reads containers and their idmaps, one per line,
in the format of uidmapviz. Prints them with their host ids, and names each problem
with its line and the smallest change that fixes it:

  c1      0:500000:196608      inside:parent:count, the same for uids and gids
  c1/c2   u:0:65536:131072     uids only (g: for gids, b: for both)

Ends in the table are last ids. Exit status 1 if something cannot work.`,
		Example: `  nestbed check                                          # this machine
  nestbed check --subuid new.subuid --subgid new.subgid  # files before they are installed
  nestbed check --subuid u --subgid g --own 0:500000:131072  # files of a level
  lxc config show web --expanded | nestbed check --config -  # a container's idmap
  nestbed check --image app.tar                          # an image's owners
  nestbed check --owner me                               # for rootless Podman
  nestbed check containers.txt                           # a list of containers`,
		Args: wrongUse(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkSVG(f.svg); err != nil {
				return err
			}
			others := slices.DeleteFunc([]string{f.image, f.owner, f.config, strings.Join(args, "")}, func(what string) bool { return what == "" })
			if len(others) > 1 {
				return &usageError{errors.New("FILE, --image, --owner and --config: each is a check of its own; leave out all but one")}
			}
			if f.image != "" {
				return f.checkImage(cmd)
			}
			if len(args) > 0 {
				return f.description(cmd, args[0])
			}
			return f.machine(cmd)
		},
	}
	cmd.Flags().StringVar(&f.flavor, "flavor", string(idmap.LXD), flavorHelp)
	cmd.Flags().StringVar(&f.subuid, "subuid", "/etc/subuid", "read `FILE` instead of the machine's subuid")
	cmd.Flags().StringVar(&f.subgid, "subgid", "/etc/subgid", "read `FILE` instead of the machine's subgid")
	cmd.Flags().StringVar(&f.own, "own", "", "the ids that exist where the files are: a `MAP` such as 0:500000:131072 (inside:parent:count), or a uid_map file (default: those of this process)")
	cmd.Flags().StringVar(&f.owner, "owner", "", "judge the lines of this `USER`, for rootless Podman, Docker or BuildKit, and not those of root")
	cmd.Flags().StringVar(&f.image, "image", "", "list the owners of files in this image that a level with the ids of --own (default: 0 to 65535) does not have: an OCI archive, or a `FILE` with the tar of a root filesystem")
	cmd.Flags().StringVar(&f.config, "config", "", "also judge a container's raw.idmap and security.idmap.*: a `FILE` with what lxc config show NAME --expanded prints, or - for standard input")
	cmd.Flags().StringVar(&f.newuidmap, "newuidmap", "", "yes or no: whether newuidmap and newgidmap are installed where the files are (default: as on this machine)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print as JSON")
	svgFlag(cmd, &f.svg)
	return cmd
}

// snapDir exists if the LXD snap is installed.
const snapDir = "/var/snap/lxd"
