@requires-private-host
Feature: How a container's configuration changes its map
  By default a container gets all subordinate ids of its LXD. security.idmap.isolated
  gives it ids that no other isolated container has. raw.idmap puts single ids of the
  parent into its map.

  Rule: Isolated containers do not use the first block, and in LXD need one free id more than they use

    Scenario Outline: <count> ids are too few for an isolated container
      Given an LXD host whose root allocation is "root:500000:<count>"
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "create" for the reason "isolated range exhausted"

      Examples:
        | count |
        | 65536 |

      # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
      @lxd
      Examples: The one id more
        | count  |
        | 131072 |

      # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
      @incus
      Examples:
        | count  |
        | 131071 |

    # Incus needs no spare id since 6.0.3 and 6.7 (Incus: driver_lxc.go, findIdmap).
    @incus
    Scenario: With Incus, 131072 ids are enough for one isolated container
      Given an LXD host whose root allocation is "root:500000:131072"
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 565536 | 565536 | 65536 |

    Scenario: 131073 ids are enough for one isolated container
      Given an LXD host whose root allocation is "root:500000:131073"
      And the configuration of level 1 is
        | key                     | value |
        | security.idmap.isolated | true  |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 565536 | 565536 | 65536 |

    Scenario: An isolated level nests if its size is enough for the levels below
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

  Rule: An isolated container gets the same numbers as gids and as uids

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: If the gids of the host start elsewhere, an isolated container gets unallocated gids
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

  Rule: raw.idmap replaces the part of the map that it overlaps

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: raw.idmap maps one id of the host in the middle of a level's ids
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

    Scenario: If newuidmap is installed, it must grant that id
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

    Scenario: LXD refuses an id of its own allocation in raw.idmap
      Given an LXD host whose root allocation is "root:500000:65536"
      And the configuration of level 1 is
        | key       | value            |
        | raw.idmap | both 500000 1000 |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "create" for the reason "raw.idmap overlaps the allocation"

  Rule: The kernel truncates an id of more than 32 bits in raw.idmap
    LXD and liblxc parse raw.idmap with 64 bits. The kernel uses the lower 32 bits
    (kernel/user_namespace.c, map_write); newuidmap refuses the id.

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: Without newuidmap, the id 4294968296 of the host means its id 1000
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

    Scenario: newuidmap refuses the id 4294968296
      Given an LXD host whose root allocation is "root:500000:65536"
      And the configuration of level 1 is
        | key       | value               |
        | raw.idmap | uid 4294968296 1000 |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "start" for the reason "idmap invalid"

  Rule: LXD misses an overlap with the last id of the map
    In LXD and Incus, Intersects treats the last id of a range as outside the range.

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: The kernel refuses the overlapping map
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And the configuration of level 1 is
        | key       | value           |
        | raw.idmap | both 1000 65535 |
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "start" for the reason "idmap invalid"
