// Package start starts hosts of any kind. It is the only package that knows all of them.
package start
