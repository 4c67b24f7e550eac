// Package steps translates the steps of scenarios into calls of package harness and into
// assertions. It uses godog, and does not talk to LXD itself.
//
// A step has one wording and one meaning. Given steps record what the scenario needs. The When step
// starts the host and builds the chain. Then steps check the result. In addition, every scenario
// fails if LXD contradicts the plan, or if anything is left on the machine afterwards.
//
// Suite runs features: nestbed's own, or those of another module, which may add steps.
package steps
