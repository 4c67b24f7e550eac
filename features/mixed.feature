@requires-debian
Feature: Chains of several versions
  A level runs what its image has in it, whatever made it: between a LXD and the
  one in the level below there is nothing but an image, a container and its ids.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: LXDs and Incus of every version make levels of every other

    Scenario Outline: <one> and <other>, in turns from the host down
      Given the levels run the bundles
        | level | bundle  |
        | 0     | <one>   |
        | 1     | <other> |
        | 2     | <one>   |
        | 3     | <other> |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And every level has the ids that were planned
      And every level is unprivileged
      And the LXD inside every level answers
      And files made at every level belong to the host ids of that level
      And the sentinel of the image arrives at every level with its owner and ACL

      Examples:
        | one                 | other               |
        | debian:bookworm     | debian:trixie       |
        | debian:trixie       | debian:bookworm     |
        | debian:bookworm     | debian:trixie/incus |
        | debian:trixie/incus | debian:bookworm     |
        | debian:trixie       | debian:trixie/incus |
        | debian:trixie/incus | debian:trixie       |
