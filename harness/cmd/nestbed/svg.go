package main

import (
	"io"

	"github.com/spf13/cobra"

	"nestbed/harness/drawing"
)

// svgFlag adds --svg to a verb.
func svgFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "svg", "", "also write the drawing to `FILE` as SVG")
}

func checkSVG(path string) error { return checkFile("--svg", path) }

func writeSVG(path string, bars []drawing.Bar, title string) error {
	return writeFile("--svg", path, func(w io.Writer) error { return drawing.WriteSVG(w, bars, title) })
}
