// Package start starts hosts of any kind. No other package knows all kinds.
package start
