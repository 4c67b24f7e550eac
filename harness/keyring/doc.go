// Package keyring keeps what is needed to reach LXDs of other machines over https: a client certificate of this account's with its
// key, and the certificate of each LXD that it trusts. It lies in a directory of its own, apart from that of LXD's client, lxc.
package keyring
