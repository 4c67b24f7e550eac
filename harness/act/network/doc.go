// Package network looks at the networks of a chain: which addresses levels have, which names they
// find, and which servers they reach. The bridges themselves are part of the chain's Spec
// (harness.LevelSpec.Network).
package network
