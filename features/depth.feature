Feature: How deep an allocation reaches
  All ids of a chain come from the host's allocation. LXD ignores an allocation of
  fewer than 65536 ids, so one missing id costs a whole level. LXD reports that when
  a container is created, not when it starts.

  Rule: Each level keeps one block of 65536 ids of those that it gets

    Scenario Outline: An allocation of <count> ids reaches depth <depth>
      Given an LXD host whose root allocation is "root:500000:<count>"
      When a chain of depth <depth> is built in which every level keeps a block and delegates the rest
      Then all <depth> levels are up
      And every level has the planned ids

      @core
      Examples: Just enough
        | count  | depth |
        | 131072 | 2     |
        | 196608 | 3     |

      Examples: Enough
        | count  | depth |
        | 65536  | 1     |
        | 131071 | 1     |
        | 131072 | 1     |
        | 196607 | 1     |
        | 196607 | 2     |
        | 196608 | 1     |
        | 196608 | 2     |
        | 262144 | 1     |
        | 262144 | 2     |
        | 262144 | 3     |
        | 262144 | 4     |

    Scenario Outline: An allocation of <count> ids does not reach depth <depth>
      Given an LXD host whose root allocation is "root:500000:<count>"
      When a chain of depth <depth> is built in which every level keeps a block and delegates the rest
      Then the build stops at level <level> in operation "<operation>" for the reason "<reason>"
      And the levels above it are still up

      @core
      Examples: One id too few
        | count  | depth | level | operation | reason        |
        | 131071 | 2     | 2     | create    | no allocation |
        | 196607 | 3     | 3     | create    | no allocation |

      @core @requires-private-host
      Examples: One id too few for a single level
        | count | depth | level | operation | reason        |
        | 65535 | 1     | 1     | create    | no allocation |

      @requires-private-host
      Examples: Not even one level
        | count | depth | level | operation | reason        |
        | 65535 | 2     | 1     | create    | no allocation |
        | 65535 | 3     | 1     | create    | no allocation |
        | 65535 | 4     | 1     | create    | no allocation |

      Examples: One level, with too few ids left for a second
        | count  | depth | level | operation | reason        |
        | 65536  | 2     | 2     | create    | no allocation |
        | 65536  | 3     | 2     | create    | no allocation |
        | 65536  | 4     | 2     | create    | no allocation |
        | 131071 | 3     | 2     | create    | no allocation |
        | 131071 | 4     | 2     | create    | no allocation |

      Examples: Two and three levels
        | count  | depth | level | operation | reason        |
        | 131072 | 3     | 3     | create    | no allocation |
        | 131072 | 4     | 3     | create    | no allocation |
        | 196607 | 4     | 3     | create    | no allocation |
        | 196608 | 4     | 4     | create    | no allocation |

  Rule: A level cannot delegate ids that it does not have

    Scenario Outline: With <count> ids on the host, the delegation for depth <depth> exceeds the ids of level 1
      Given an LXD host whose root allocation is "root:500000:<count>"
      When a chain of depth <depth> is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "<operation>" for the reason "allocation outside the parent"
      And the levels above it are still up

      # Incus does not compare the allocation with its own ids, and the kernel refuses the map at the start.
      @lxd
      Examples:
        | count  | depth | operation |
        | 65536  | 2     | create    |
        | 131071 | 2     | create    |
        | 131072 | 3     | create    |
        | 196607 | 3     | create    |
        | 196608 | 4     | create    |

      # Incus does not compare the allocation with its own ids, and the kernel refuses the map at the start.
      @incus
      Examples: Incus does not check it before the start
        | count  | depth | operation |
        | 65536  | 2     | start     |
        | 131071 | 2     | start     |
        | 131072 | 3     | start     |
        | 196607 | 3     | start     |
        | 196608 | 4     | start     |

  @requires-private-host
  Rule: Without a root entry in subuid and subgid, the LXD of a level delegates its ids from 100000 on
    It then needs one id more than a block there, so 165537 ids in all. Each level keeps
    100000 ids for itself where 65536 would be enough.

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: The second level starts at id 100000 of the first
      Given an LXD host whose root allocation is "root:500000:196608"
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built without delegations
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 196608 |
        | 2     | 0      | 100000 | 600000 | 96608  |

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: Without delegations, an allocation of three blocks reaches only two levels
      Given an LXD host whose root allocation is "root:500000:196608"
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 3 is built without delegations
      Then the build stops at level 3 in operation "create" for the reason "no allocation"
      And the levels above it are still up

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: 165537 ids at level 1 are enough for level 2
      Given an LXD host whose root allocation is "root:500000:165537"
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built without delegations
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 165537 |
        | 2     | 0      | 100000 | 600000 | 65537  |

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: 165536 ids at level 1 are one too few for level 2
      Given an LXD host whose root allocation is "root:500000:165536"
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built without delegations
      Then the build stops at level 2 in operation "create" for the reason "no allocation"

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: A host without a root allocation gives its containers 1000000000 ids from 1000000 on
      Given an LXD host without a root allocation
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built without delegations
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent  | host    | count      |
        | 1     | 0      | 1000000 | 1000000 | 1000000000 |
        | 2     | 0      | 100000  | 1100000 | 999900000  |

  Rule: If newuidmap is installed, it must grant every id that LXD chooses
    liblxc lets newuidmap and newgidmap write the idmaps if they are installed. They
    grant root only the ids in subuid and subgid. If they are installed, Incus chooses no others.

    # With newuidmap, Incus has no default ids (Incus: internal/server/sys/os.go, getIdmapset).
    @lxd
    Scenario: newuidmap refuses the ids from 100000 on that LXD chooses
      Given an LXD host whose root allocation is "root:500000:196608"
      When a chain of depth 2 is built without delegations
      Then the build stops at level 2 in operation "start" for the reason "refused by newuidmap"
      And the levels above it are still up

    # With newuidmap, Incus has no default ids (Incus: internal/server/sys/os.go, getIdmapset).
    @incus
    Scenario: Incus makes no containers without an allocation that newuidmap grants
      Given an LXD host whose root allocation is "root:500000:196608"
      When a chain of depth 2 is built without delegations
      Then the build stops at level 2 in operation "create" for the reason "no allocation"
      And the levels above it are still up

    @requires-other-bundles
    Scenario Outline: Levels without newuidmap use ids that newuidmap would refuse
      Given an LXD host whose root allocation is "root:500000:196608"
      And newuidmap is installed on the host but at no level
      When a chain of depth 2 is built without delegations
      Then all 2 levels are up
      And root at level 2 is id <id> on the host

      # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
      @lxd
      Examples: From 100000 on
        | id     |
        | 600000 |

      # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
      @incus
      Examples: From the second block on
        | id     |
        | 565536 |

    # With newuidmap, Incus has no default ids (Incus: internal/server/sys/os.go, getIdmapset).
    @lxd @requires-private-host
    Scenario: newuidmap refuses the default ids that the host's LXD chooses
      Given an LXD host without a root allocation
      When a chain of depth 1 is built without delegations
      Then the build stops at level 1 in operation "start" for the reason "refused by newuidmap"

    # With newuidmap, Incus has no default ids (Incus: internal/server/sys/os.go, getIdmapset).
    @incus @requires-private-host
    Scenario: Incus makes no containers on a host without an allocation that newuidmap grants
      Given an LXD host without a root allocation
      When a chain of depth 1 is built without delegations
      Then the build stops at level 1 in operation "create" for the reason "no allocation"
