Feature: Thin levels have /usr of the level above
  What LXD needs to run is in /usr. It is the same at every level with the same bundle, so
  such a level gets /usr of the level above as a read-only disk device. It starts and
  nests like any other.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: A level that runs the bundle of the level above has its /usr

    @core
    Scenario: Three levels run the bundle of the host
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And /usr of every level is that of its bundle, and read-only if the level above has the same

    Scenario Outline: A thin level is <ended>
      Given a chain of depth 3 in which every level delegates what the levels below it need
      When level 2 is <ended>
      Then all 3 levels come up again
      And /usr of every level is that of its bundle, and read-only if the level above has the same

      Examples:
        | ended                     |
        | stopped and started again |
        | killed and started again  |

  @requires-debian @requires-private-host
  Rule: A level that runs another bundle has its own /usr, and the levels below get it from there

    Scenario Outline: Levels <first> to <last> run another LXD or Incus than the others
      Given the levels run the bundles
        | level   | bundle              |
        | 0       | debian:bookworm     |
        | <first> | debian:trixie/incus |
        | <last>  | debian:trixie/incus |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And the LXD inside every level answers
      And /usr of every level is that of its bundle, and read-only if the level above has the same

      Examples:
        | first | last |
        | 1     | 2    |
        | 2     | 3    |
