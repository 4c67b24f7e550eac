package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"nestbed/harness/environment"
	"nestbed/harness/keyring"
)

func newTrust(m environment.Machine) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trust TOKEN",
		Short: "Let this account and an LXD on another machine trust each other",
		Long: `Takes a token that an LXD on another machine printed, finds the address at which that
LXD answers with the certificate that the token names, and makes it trust this
account's certificate. The keyring keeps what later connections need: in NESTBED_KEYRING,
or in nestbed below the account's configuration directory.`,
		Example: `  lxc config trust add --name nestbed  # on the other machine: prints a token
  nestbed trust eyJjbGllbnRfbmFtZS...  # here
  nestbed up --host https://HOST:8443  # a chain on the other machine, from now on`,
		Args: wrongUse(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := keyring.Open(m.Keyring)
			if err != nil {
				return err
			}
			address, err := k.Trust(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]string{"address": address, "certificate": k.CertFile()})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "LXD at %s trusts %s; build chains there with: nestbed up --host %s\n", address, k.CertFile(), address)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
