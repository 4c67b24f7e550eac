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
		Short: "Have a LXD of another machine and this account trust each other",
		Long: `Takes a token that a LXD of another machine made, looks which of the addresses in
it that LXD answers at, known by its certificate, and has it trust this account's
certificate. What is needed to reach it from then on is kept in the account's
keyring: NESTBED_KEYRING, or nestbed in the account's directory for configuration.`,
		Example: `  lxc config trust add --name nestbed       there: it prints a token
  nestbed trust eyJjbGllbnRfbmFtZSI6...     here
  nestbed up --host https://HOST:8443       a chain there, from here on`,
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
