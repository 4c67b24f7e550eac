@requires-debian @requires-private-host
Feature: Migrating an LXD to Incus under a chain
  Incus includes the tool lxd-to-incus, which migrates everything from LXD. It stops LXD
  and its containers, moves the database and the files to Incus, and lets Incus start the
  containers that ran before. The levels above are not affected. The levels below are
  restarted, with ids that Incus chooses.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: After the migration the levels have the same ids and the same files

    Scenario Outline: The LXD of level <level>, from <lxd>, is migrated to Incus
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

  Rule: Incus keeps running after the migration

    Scenario: Incus starts its containers when its level is restarted
      Given the levels run the bundles
        | level | bundle        |
        | 0     | debian:trixie |
      And a chain of depth 3 in which every level delegates what the levels below it need
      And lxd-to-incus has migrated the LXD of level 1 to the Incus of "debian:trixie/incus"
      When level 1 is restarted
      Then all 3 levels come up again
      And the LXD of level 1 is that of "debian:trixie/incus"
      And every level has the planned ids

  Rule: Incus takes every line of root's in subid files that have grown under LXD
    LXD uses only the first line, so a second one goes unnoticed until the migration. Incus maps
    each line from id 0 on, which the kernel refuses. (lxc/incus#458, zabbly/incus#55.)

    Background:
      Given the levels run the bundles
        | level | bundle        |
        | 0     | debian:trixie |
      And /etc/subuid and /etc/subgid of level 1 read
        """
        root:65536:65536
        root:131072:65536
        """
      And a chain of depth 2 as described

    Scenario: The level that LXD made comes up again, and Incus cannot start a new one
      When lxd-to-incus migrates the LXD of level 1 to the Incus of "debian:trixie/incus"
      Then all 2 levels come up again
      And every level has the planned ids
      And a new container at level 2 fails in operation "start" for the reason "idmap invalid"

    Scenario: With one line left, Incus starts new containers
      Given lxd-to-incus has migrated the LXD of level 1 to the Incus of "debian:trixie/incus"
      When the root allocation of level 1 becomes "root:65536:65536", and its LXD is restarted
      Then every level has kept running
      And a new container at level 2 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 65536  | 565536 | 65536 |
