// Package keyring keeps what is needed to reach LXD servers on other machines over https: a
// client certificate of this account with its key, and the certificate of each trusted LXD. The
// keyring is separate from that of LXD's client, lxc.
package keyring
