// Package artifact saves files for looking into failed scenarios. Each run has a directory, with a
// directory for each scenario.
package artifact
