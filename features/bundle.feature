@requires-debian @requires-private-host
Feature: Chains with different versions of LXD and Incus
  A level runs the LXD or Incus in its image, whatever the level above runs. The only
  interfaces between two levels are an image, a container and its ids.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: Every version of LXD and Incus can make levels that run any other version

    Scenario Outline: <one> and <other> alternate from the host down
      Given the levels run the bundles
        | level | bundle  |
        | 0     | <one>   |
        | 1     | <other> |
        | 2     | <one>   |
        | 3     | <other> |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And the LXD of the host is that of "<one>"
      And the LXD of level 1 is that of "<other>"
      And the LXD of level 2 is that of "<one>"
      And the LXD of level 3 is that of "<other>"
      And every level has the planned ids
      And every level is unprivileged
      And the LXD inside every level answers
      And files made at every level belong to the host ids of that level
      And the sentinel of the image arrives at every level with its owner and ACL

      @versions
      Examples: the two versions that the run compares
        | one             | other           |
        | the old version | the new version |
        | the new version | the old version |

      Examples: with Debian's Incus
        | one                 | other               |
        | debian:bookworm     | debian:trixie/incus |
        | debian:trixie/incus | debian:bookworm     |
        | debian:trixie       | debian:trixie/incus |
        | debian:trixie/incus | debian:trixie       |

  @moving
  Rule: Incus 7 can only make levels on pure cgroup v2
    liblxc 7 has no code for cgroup v1, and does not know its keys.

    @on-cgroup1
    Scenario: Incus 7 at level 2 runs but cannot start a level
      Given the levels run the bundles
        | level | bundle           |
        | 0     | debian:trixie    |
        | 2     | debian:sid/incus |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "start" for the reason "cgroup layout unsupported"
      And the levels above it are still up

    @on-cgroup1
    Scenario: Incus 7 on the host cannot start a level
      Given the levels run the bundles
        | level | bundle           |
        | 0     | debian:sid/incus |
        | 1     | debian:trixie    |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "start" for the reason "cgroup layout unsupported"

    Scenario: Incus 7 does not start a level with a key of cgroup v1 in raw.lxc
      Upgrades meet this with containers that were made long ago. (lxc/lxc#4679.)

      Given the levels run the bundles
        | level | bundle           |
        | 0     | debian:sid/incus |
        | 1     | debian:trixie    |
      And the configuration of level 1 is
        | key     | value                        |
        | raw.lxc | lxc.cgroup.devices.allow = a |
      When a chain of depth 1 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "start" for the reason "configuration refused"

    Scenario: Incus 6 starts a level with a key of cgroup v1 in raw.lxc
      Given the levels run the bundles
        | level | bundle              |
        | 0     | debian:trixie/incus |
        | 1     | debian:trixie       |
      And the configuration of level 1 is
        | key     | value                        |
        | raw.lxc | lxc.cgroup.devices.allow = a |
      When a chain of depth 1 is built in which every level delegates what the levels below it need
      Then all 1 levels are up

    Scenario: Incus 7 runs at the last level, which makes no other
      Given the levels run the bundles
        | level | bundle              |
        | 0     | debian:trixie/incus |
        | 3     | debian:sid/incus    |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And every level has the planned ids

    @on-cgroup2
    Scenario Outline: <one> and <other> alternate from the host down, including Incus 7
      Given the levels run the bundles
        | level | bundle  |
        | 0     | <one>   |
        | 1     | <other> |
        | 2     | <one>   |
        | 3     | <other> |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And every level has the planned ids
      And files made at every level belong to the host ids of that level

      Examples:
        | one                 | other               |
        | debian:sid/incus    | debian:bookworm     |
        | debian:bookworm     | debian:sid/incus    |
        | debian:sid/incus    | debian:trixie       |
        | debian:trixie       | debian:sid/incus    |
        | debian:sid/incus    | debian:trixie/incus |
        | debian:trixie/incus | debian:sid/incus    |
