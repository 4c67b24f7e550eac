@requires-private-host
Feature: What a container's configuration does to its map
  A container gets all ids that its LXD has to give, unless its configuration says
  otherwise: security.idmap.isolated gives it some that no other isolated container
  has, raw.idmap puts single ids of the parent into its map.

  Rule: Isolated containers leave the first block alone, and want an id more than they take

    Scenario Outline: <count> ids and an isolated container
      Given an LXD host whose root allocation is "root:500000:<count>"
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "create" for the reason "isolated range exhausted"

      Examples:
        | count  |
        | 65536  |
        | 131072 |

    Scenario: 131073 ids hold one isolated container
      Given an LXD host whose root allocation is "root:500000:131073"
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 565536 | 565536 | 65536 |

    Scenario: An isolated level nests when its size has room for the levels below
      Given an LXD host whose root allocation is "root:500000:262145"
      And the configuration of level 1 is
        | key                     | value  |
        | security.idmap.isolated | true   |
        | security.idmap.size     | 196608 |
      And /etc/subuid of level 1 reads
        """
        root:65536:131072
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:131072
        """
      And /etc/subuid of level 2 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 2 reads
        """
        root:65536:65536
        """
      And a chain of depth 3 as described
      Then all 3 levels are up
      And root at level 1 is id 565536 on the host
      And root at level 3 is id 696608 on the host

  Rule: The gids of an isolated container are numbered like its uids

    Scenario: A host whose gids start elsewhere gives an isolated container gids that nobody allocated
      Given an LXD host whose root allocation is "root:500000:196608"
      And the host's subgid allocation is "root:900000:196608"
      And newuidmap is installed neither on the host nor at any level
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 565536 | 565536 | 65536 |

  Rule: raw.idmap cuts what is in its way out of the map

    Scenario: One id of the host in the middle of a level's ids
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And the configuration of level 1 is
        | key       | value          |
        | raw.idmap | both 1000 1000 |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 500000 | 500000 | 1000  |
        | 1     | 1000   | 1000   | 1000   | 1     |
        | 1     | 1001   | 501001 | 501001 | 64535 |

    Scenario: Where newuidmap is installed, it must grant that id
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        root:500000:65536
        root:1000:1
        """
      And /etc/subgid of the host reads
        """
        root:500000:65536
        """
      And the configuration of level 1 is
        | key       | value         |
        | raw.idmap | uid 1000 1000 |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 500000 | 500000 | 1000  |
        | 1     | 1000   | 1000   | 1000   | 1     |
        | 1     | 1001   | 501001 | 501001 | 64535 |

    Scenario: An id of the allocation itself is refused
      Given an LXD host whose root allocation is "root:500000:65536"
      And the configuration of level 1 is
        | key       | value            |
        | raw.idmap | both 500000 1000 |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "create" for the reason "raw.idmap overlaps the allocation"

  Rule: An id beyond 32 bits is one within them
    LXD reads raw.idmap with 64 bits, and so does liblxc. The kernel takes the lower
    32 of them (kernel/user_namespace.c, map_write), newuidmap refuses.

    Scenario: The id 4294968296 of the host, which does not exist, is its id 1000
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And the configuration of level 1 is
        | key       | value               |
        | raw.idmap | uid 4294968296 1000 |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 500000 | 500000 | 1000  |
        | 1     | 1000   | 1000   | 1000   | 1     |
        | 1     | 1001   | 501001 | 501001 | 64535 |

    Scenario: newuidmap refuses it
      Given an LXD host whose root allocation is "root:500000:65536"
      And the configuration of level 1 is
        | key       | value               |
        | raw.idmap | uid 4294968296 1000 |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "start" for the reason "idmap invalid"

  Rule: At the last id of the map LXD does not see that something is in the way
    (LXD and Incus: Intersects takes the last id of a range for one outside of it.)

    Scenario: The kernel refuses the map that LXD has made
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And the configuration of level 1 is
        | key       | value           |
        | raw.idmap | both 1000 65535 |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "start" for the reason "idmap invalid"
