// Package simulate forecasts the cost of many chains on the members of a lab from the measured
// cost of one chain: wall time, and the memory, disk and ids of each member. It changes
// nothing.
package simulate
