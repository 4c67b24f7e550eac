// Package simulate forecasts what many chains on the members of a lab take, from what one
// was measured to take: wall time, and memory, disk and ids of each member. It touches nothing.
package simulate
