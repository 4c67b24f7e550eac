@requires-debian @versions @requires-private-host
Feature: Replacing LXD by another version under a running chain
  A package upgrade installs new files and restarts LXD. Meanwhile the containers keep
  running, including every LXD inside. The new version takes over the levels of the
  previous one: they keep their processes, ids and files, and can be used, restarted and
  restored as before.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: Running levels keep running, and programs can be run in them

    Scenario Outline: The LXD of <where> is replaced: <from> by <to>
      Given the levels run the bundles
        | level | bundle |
        | 0     | <from> |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And user 1000 of level 3 has made the file "early"
      When the LXD of <where> is replaced by that of "<to>"
      Then the LXD of <where> is that of "<to>"
      And every level has kept running
      And every level has the planned ids
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level
      And level 3 has the file "early" of user 1000
      And the LXD inside every level answers

      Examples:
        | where    | from            | to              |
        | the host | the old version | the new version |
        | level 1  | the old version | the new version |
        | level 2  | the old version | the new version |

      @on-accepted-downgrade
      Examples: Back to the old version
        | where    | from            | to              |
        | the host | the new version | the old version |
        | level 1  | the new version | the old version |
        | level 2  | the new version | the old version |

  Rule: The new version can manage the levels of the previous one

    Scenario Outline: Level <level> is <treated> after the LXD of <where> was replaced
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the old version |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And user 1000 of level 3 has made the file "early"
      And the LXD of <where> has been replaced by that of "the new version"
      When level <level> is <treated>
      Then all 3 levels come up again
      And every level has the planned ids
      And files made at every level belong to the host ids of that level
      And the sentinel of the image arrives at every level with its owner and ACL
      And level 3 has the file "early" of user 1000

      Examples:
        | where    | level | treated                  |
        | the host | 1     | restarted                |
        | the host | 1     | snapshotted and restored |
        | level 1  | 2     | restarted                |
        | level 1  | 2     | snapshotted and restored |
        | level 2  | 3     | restarted                |

    Scenario: After LXD was replaced and is shut down, it starts the levels below again
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the old version |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And the LXD of level 1 has been replaced by that of "the new version"
      When the LXD of level 1 is shut down
      Then all 3 levels come up again
      And every level has the planned ids

  Rule: New containers get their ids from the files as the new version reads them

    Scenario: The allocation of the host is changed at the same time
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the old version |
      And a chain of depth 3 in which every level delegates what the levels below it need
      When the root allocation of the host becomes "root:900000:65536", and its LXD is replaced by that of "the new version"
      Then a new container at level 1 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 900000 | 900000 | 65536 |
      And every level has kept running
      And every level has the planned ids

  Rule: Killing the new version during its first start does no harm

    Scenario Outline: The new LXD of <where> is killed when it first answers
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the old version |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And user 1000 of level 3 has made the file "early"
      When the LXD of <where> is replaced by that of "the new version", which is killed when it first answers
      Then the LXD of <where> is that of "the new version"
      And every level has kept running
      And every level has the planned ids
      And level 3 has the file "early" of user 1000
      And the LXD inside every level answers

      Examples:
        | where    |
        | the host |
        | level 1  |
        | level 2  |

  Rule: An LXD does not run with the database of a newer version, and nothing is lost
    LXD and Incus compare the version of the schema and end. (LXD: lxd/db/schema/schema.go.)

    @on-refused-downgrade
    Scenario: The old version of the host's LXD does not run
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the new version |
      And a chain of depth 1 in which every level delegates what the levels below it need
      When the LXD of the host is replaced by that of "the old version"
      Then the LXD of the host does not run for the reason "database of a newer version"

    @on-refused-downgrade
    Scenario Outline: The old version does not run at level <level>, and the levels keep running
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the new version |
      And a chain of depth 3 in which every level delegates what the levels below it need
      When the LXD of level <level> is replaced by that of "the old version"
      Then the LXD of level <level> does not run for the reason "database of a newer version"
      And every level keeps running without it

      Examples:
        | level |
        | 1     |
        | 2     |

    @on-refused-downgrade
    Scenario Outline: The new version runs at level <level> again
      Given the levels run the bundles
        | level | bundle          |
        | 0     | the new version |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And user 1000 of level 3 has made the file "early"
      And the LXD of level <level> has been replaced by that of "the old version", which does not run
      When the LXD of level <level> is replaced by that of "the new version"
      Then the LXD of level <level> is that of "the new version"
      And every level has kept running
      And every level has the planned ids
      And level 3 has the file "early" of user 1000
      And the LXD inside every level answers

      Examples:
        | level |
        | 1     |
        | 2     |
