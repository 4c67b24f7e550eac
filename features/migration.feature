@requires-debian @requires-private-host
Feature: A LXD that becomes an Incus under a chain
  Incus comes with a tool that takes over what a LXD has, lxd-to-incus. It stops LXD and
  all that runs inside, moves records and files to where Incus has them, and has Incus
  start what ran before. The levels above do not notice; those below start anew, with the
  ids that Incus gives them.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: What a LXD has is its Incus's with the same ids and the same files

    Scenario Outline: The LXD of level <level>, of <lxd>, becomes an Incus
      Given the levels run the bundles
        | level | bundle |
        | 0     | <lxd>  |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And user 1000 of level 3 has made the file "early"
      When lxd-to-incus migrates the LXD of level <level> to the Incus of "debian:trixie/incus"
      Then all 3 levels come up again
      And the LXD of level <level> is that of "debian:trixie/incus"
      And every level has the planned ids
      And files made at every level belong to the host ids of that level
      And the sentinel of the image arrives at every level with its owner and ACL
      And level 3 has the file "early" of user 1000

      Examples:
        | level | lxd             |
        | 1     | debian:trixie   |
        | 2     | debian:trixie   |
        | 1     | debian:bookworm |

  Rule: The Incus that took over is there to stay

    Scenario: It starts what ran before when its level is restarted
      Given the levels run the bundles
        | level | bundle        |
        | 0     | debian:trixie |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And lxd-to-incus has migrated the LXD of level 1 to the Incus of "debian:trixie/incus"
      When level 1 is restarted
      Then all 3 levels come up again
      And the LXD of level 1 is that of "debian:trixie/incus"
      And every level has the planned ids
