Feature: The article's chain of three nested unprivileged containers
  Every level is an unprivileged container that runs its own LXD. A level can only
  delegate ids that it has, and LXD needs 65536 ids for each container. So three
  levels need 196608 ids on the host: level 1 keeps one block for its own users and
  delegates 131072 ids, level 2 keeps one block and delegates 65536 ids, and level 3
  gets the last block.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: A level gets exactly the ids that the level above delegates

    @core
    Scenario: Three levels share an allocation of three blocks
      When a chain of depth 3 is built with the delegations
        | level | allocation        |
        | 1     | root:65536:131072 |
        | 2     | root:65536:65536  |
      Then all 3 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 196608 |
        | 2     | 0      | 65536  | 565536 | 131072 |
        | 3     | 0      | 65536  | 631072 | 65536  |
      And root at level 1 is id 500000 on the host
      And root at level 2 is id 565536 on the host
      And root at level 3 is id 631072 on the host

    Scenario Outline: A fourth level does not fit in three blocks
      When a chain of depth 4 is built with the delegations
        | level | allocation        |
        | 1     | root:65536:131072 |
        | 2     | root:65536:65536  |
        | 3     | root:65536:65536  |
      Then the build stops at level 4 in operation "<operation>" for the reason "allocation outside the parent"
      And the levels above it are still up

      # Incus does not compare the allocation with its own ids, and the kernel refuses the map at the start.
      @lxd
      Examples:
        | operation |
        | create    |

      # Incus does not compare the allocation with its own ids, and the kernel refuses the map at the start.
      @incus
      Examples: Incus does not check it before the start
        | operation |
        | start     |

  Rule: Processes and files of a level have the ids of that level

    @core
    Scenario: Processes and files of three levels have the ids of their level
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And every level is unprivileged
      And the LXD inside every level answers
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level
      And at every level the last id can own a file and the next one cannot
      And the sentinel of the image arrives at every level with its owner and ACL

  @requires-private-host
  Rule: Uids and gids are delegated separately

    Scenario: A host whose uids and gids start at different ids
      Given the host's subgid allocation is "root:900000:196608"
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then all 3 levels are up
      And the uid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 196608 |
        | 2     | 0      | 65536  | 565536 | 131072 |
        | 3     | 0      | 65536  | 631072 | 65536  |
      And the gid maps are
        | level | inside | parent | host    | count  |
        | 1     | 0      | 900000 | 900000  | 196608 |
        | 2     | 0      | 65536  | 965536  | 131072 |
        | 3     | 0      | 65536  | 1031072 | 65536  |
      And files made at every level belong to the host ids of that level

    Scenario: With enough uids but too few gids, a container is created but does not start
      Given the host's subgid allocation is "root:500000:65535"
      When a chain of depth 1 is built without delegations
      Then the build stops at level 1 in operation "start" for the reason "uid and gid disagree"
