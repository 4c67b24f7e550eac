Feature: Changing an allocation
  LXD reads /etc/subuid and /etc/subgid when it starts, and chooses a container's map
  when the container is created. newuidmap reads the files whenever a container starts.
  So an edit affects LXD and newuidmap at different times.

  @requires-private-host
  Rule: LXD uses the files as they were when it started, newuidmap as they are now

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: Before LXD is restarted, a new container gets ids that are no longer allocated
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:900000:65536"
      Then a new container at level 1 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 500000 | 500000 | 65536 |

    Scenario: With newuidmap, a new container does not start until LXD is restarted
      Given an LXD host whose root allocation is "root:500000:65536"
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:900000:65536"
      Then a new container at level 1 fails in operation "start" for the reason "refused by newuidmap"
      And every level has kept running

    Scenario: After a restart of the host's LXD, new containers get the new ids and level 1 keeps the old ones
      Given an LXD host whose root allocation is "root:500000:65536"
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:900000:65536", and its LXD is restarted
      Then a new container at level 1 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 900000 | 900000 | 65536 |
      And every level has kept running
      And root at level 1 is id 500000 on the host

    Scenario: After a restart of level 1's LXD, new containers get the new ids and level 2 keeps the old ones
      Given an LXD host whose root allocation is "root:500000:196608"
      And the root allocation of level 1 is "root:65536:65536"
      And a chain of depth 2 as described
      When the root allocation of level 1 becomes "root:131072:65536", and its LXD is restarted
      Then a new container at level 2 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 131072 | 631072 | 65536 |
      And every level has kept running
      And root at level 2 is id 565536 on the host

  Rule: A container keeps the ids that it was created with, unless newuidmap refuses them

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario: Restarted without newuidmap, level 1 keeps ids that are no longer allocated
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:900000:65536", and its LXD and the level below are restarted
      Then the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 500000 | 500000 | 65536 |

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario: Restarted without newuidmap, level 2 keeps ids that level 1 no longer allocates
      Given an LXD host whose root allocation is "root:500000:196608"
      And the root allocation of level 1 is "root:65536:65536"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 2 as described
      When the root allocation of level 1 becomes "root:131072:65536", and its LXD and the level below are restarted
      Then the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 196608 |
        | 2     | 0      | 65536  | 565536 | 65536  |

    # Incus computes a map again whose ids root no longer has (Incus: driver_lxc.go, startCommon; since 0.5).
    @lxd @requires-private-host
    Scenario: With newuidmap, level 1 does not start again
      Given an LXD host whose root allocation is "root:500000:65536"
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:900000:65536", and its LXD and the level below are restarted
      Then level 1 fails to start again for the reason "refused by newuidmap"

    # Incus computes a map again whose ids root no longer has (Incus: driver_lxc.go, startCommon; since 0.5).
    @lxd
    Scenario: With newuidmap, level 2 does not start again
      Given an LXD host whose root allocation is "root:500000:196608"
      And the root allocation of level 1 is "root:65536:65536"
      And a chain of depth 2 as described
      When the root allocation of level 1 becomes "root:131072:65536", and its LXD and the level below are restarted
      Then level 2 fails to start again for the reason "refused by newuidmap"

    # Incus computes a map again whose ids root no longer has (Incus: driver_lxc.go, startCommon; since 0.5).
    @incus @requires-private-host
    Scenario: Incus starts level 1 with the new ids
      Given an LXD host whose root allocation is "root:500000:65536"
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:900000:65536", and its LXD and the level below are restarted
      Then the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 900000 | 900000 | 65536 |

    # Incus computes a map again whose ids root no longer has (Incus: driver_lxc.go, startCommon; since 0.5).
    @incus
    Scenario: Incus starts level 2 with the new ids
      Given an LXD host whose root allocation is "root:500000:196608"
      And the root allocation of level 1 is "root:65536:65536"
      And a chain of depth 2 as described
      When the root allocation of level 1 becomes "root:131072:65536", and its LXD and the level below are restarted
      Then the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 196608 |
        | 2     | 0      | 131072 | 631072 | 65536  |

  @requires-private-host
  Rule: A larger allocation only affects new containers

    Scenario: Level 1 does not grow with the host's allocation, even after a restart
      Given an LXD host whose root allocation is "root:500000:131072"
      And the root allocation of level 1 is "root:65536:65536"
      And a chain of depth 2 as described
      When the root allocation of the host becomes "root:500000:262144", and its LXD and the level below are restarted
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 131072 |
        | 2     | 0      | 65536  | 565536 | 65536  |
      And a new container at level 1 has the uid and gid maps
        | inside | parent | host   | count  |
        | 0      | 500000 | 500000 | 262144 |

  @requires-private-host
  Rule: A smaller allocation only affects new containers, unless newuidmap checks the old ones at their start

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: Restarted without newuidmap, level 1 keeps ids outside the smaller allocation
      Given an LXD host whose root allocation is "root:500000:131072"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:500000:65536", and its LXD and the level below are restarted
      Then the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 131072 |
      And a new container at level 1 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 500000 | 500000 | 65536 |

    # Incus computes a map again whose ids root no longer has (Incus: driver_lxc.go, startCommon; since 0.5).
    @lxd
    Scenario: With newuidmap, level 1 does not start with more ids than are now allocated
      Given an LXD host whose root allocation is "root:500000:131072"
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:500000:65536", and its LXD and the level below are restarted
      Then level 1 fails to start again for the reason "refused by newuidmap"

    # Incus computes a map again whose ids root no longer has (Incus: driver_lxc.go, startCommon; since 0.5).
    @incus
    Scenario: Incus starts level 1 with the smaller allocation
      Given an LXD host whose root allocation is "root:500000:131072"
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:500000:65536", and its LXD and the level below are restarted
      Then the uid and gid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 500000 | 500000 | 65536 |

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: A host with less than one block restarts level 1 but cannot make a new container
      Given an LXD host whose root allocation is "root:500000:65536"
      And newuidmap is installed neither on the host nor at any level
      And a chain of depth 1 as described
      When the root allocation of the host becomes "root:500000:65535", and its LXD and the level below are restarted
      Then all 1 levels are up
      And root at level 1 is id 500000 on the host
      And a new container at level 1 fails in operation "create" for the reason "no allocation"

  @requires-tools @requires-private-host
  Rule: usermod appends a line, and LXD only uses the first suitable line

    Scenario: Level 1, which had no allocation, delegates the ids that usermod adds
      Given an LXD host whose root allocation is "root:500000:131072"
      And usermod is installed on the host and at every level
      And the configuration of level 1 is
        | key              | value |
        | security.nesting | true  |
      And a chain of depth 1 as described
      When usermod gives root the ids 65536 to 131071 at level 1, and its LXD is restarted
      Then a new container at level 2 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 65536  | 565536 | 65536 |

    Scenario: Without a restart of its LXD, level 1 still has no ids to delegate
      Given an LXD host whose root allocation is "root:500000:131072"
      And usermod is installed on the host and at every level
      And the configuration of level 1 is
        | key              | value |
        | security.nesting | true  |
      And a chain of depth 1 as described
      When usermod gives root the ids 65536 to 131071 at level 1
      Then a new container at level 2 fails in operation "create" for the reason "no allocation"

    Scenario Outline: usermod adds ids that level 1 does not have, and LXD refuses them
      Given an LXD host whose root allocation is "root:500000:131072"
      And usermod is installed on the host and at every level
      And a chain of depth 1 as described
      When usermod gives root the ids 131072 to 196607 at level 1, and its LXD is restarted
      Then a new container at level 2 fails in operation "<operation>" for the reason "allocation outside the parent"

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

    # Incus takes every line that is large enough, LXD the first one (Incus: internal/server/sys/os.go, getIdmapset).
    @lxd
    Scenario: Ids added next to the host's allocation do not enlarge it
      Given an LXD host whose root allocation is "root:500000:65536"
      And usermod is installed on the host and at every level
      And a chain of depth 1 as described
      When usermod gives root the ids 565536 to 696607 on the host, and its LXD is restarted
      Then a new container at level 1 has the uid and gid maps
        | inside | parent | host   | count |
        | 0      | 500000 | 500000 | 65536 |

    # Incus takes every line that is large enough, LXD the first one (Incus: internal/server/sys/os.go, getIdmapset).
    @incus
    Scenario: With Incus, ids added next to the host's allocation make the map of new containers invalid
      Given an LXD host whose root allocation is "root:500000:65536"
      And usermod is installed on the host and at every level
      And a chain of depth 1 as described
      When usermod gives root the ids 565536 to 696607 on the host, and its LXD is restarted
      Then a new container at level 1 fails in operation "start" for the reason "idmap invalid"

    Scenario: usermod refuses to remove the ids that it added to root
      Given an LXD host whose root allocation is "root:500000:65536"
      And usermod is installed on the host and at every level
      And a chain of depth 1 as described
      When usermod gives root the ids 700000 to 765535 on the host
      Then usermod refuses to take the ids 700000 to 765535 from root on the host because root has running processes
