Feature: Passing ids of the host through to the levels
  raw.idmap puts an id of the parent into a container's map. The parent is the level
  above. So an id of the host only reaches level 3 if levels 1 and 2 also have it by
  their own raw.idmap. Then the files of a host user belong to that user at every level.
  If newuidmap is installed, every such id must be listed in the subid files of the
  level above.

  @requires-private-host
  Rule: An id of the host is the same id at every level that maps it

    Scenario: One uid and gid of the host arrives at level 3
      Given an LXD host whose root allocation is "root:500000:196608"
      And uid and gid 1000 of the host are passed through to level 3
      When a chain of depth 3 is built as described
      Then all 3 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 1000   |
        | 1     | 1000   | 1000   | 1000   | 1      |
        | 1     | 1001   | 501001 | 501001 | 195607 |
        | 2     | 0      | 65536  | 565536 | 1000   |
        | 2     | 1000   | 1000   | 1000   | 1      |
        | 2     | 1001   | 66537  | 566537 | 130071 |
        | 3     | 0      | 65536  | 631072 | 1000   |
        | 3     | 1000   | 1000   | 1000   | 1      |
        | 3     | 1001   | 66537  | 632073 | 64535  |

    Scenario: A range of uids alone leaves the gids whole
      Given an LXD host whose root allocation is "root:500000:131072"
      And uids 1000 to 1009 of the host are passed through to level 2
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And the uid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 1000   |
        | 1     | 1000   | 1000   | 1000   | 10     |
        | 1     | 1010   | 501010 | 501010 | 130062 |
        | 2     | 0      | 65536  | 565536 | 1000   |
        | 2     | 1000   | 1000   | 1000   | 10     |
        | 2     | 1010   | 66546  | 566546 | 64526  |
      And the gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 131072 |
        | 2     | 0      | 65536  | 565536 | 65536  |

  Rule: raw.idmap can only map ids that the level above has and does not allocate

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario: Level 2 cannot get an id that level 1 does not have
      Given an LXD host whose root allocation is "root:500000:131072"
      And newuidmap is installed neither on the host nor at any level
      And /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:65536
        """
      And the configuration of level 2 is
        | key       | value            |
        | raw.idmap | both 131073 2000 |
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "allocation outside the parent"
      And the levels above it are still up

    Scenario: newuidmap at level 1 only grants ids in the subid files of level 1
      Given an LXD host whose root allocation is "root:500000:131072"
      And /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:65536
        """
      And the configuration of level 2 is
        | key       | value          |
        | raw.idmap | both 1000 1000 |
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "refused by newuidmap"
      And the levels above it are still up

    Scenario Outline: Level 2 is refused <what>
      Given an LXD host whose root allocation is "root:500000:131072"
      And /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:65536
        """
      And the configuration of level 2 is
        | key       | value          |
        | raw.idmap | both <id> 1000 |
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "create" for the reason "raw.idmap overlaps the allocation"
      And the levels above it are still up

      Examples: LXD treats adjacent ranges as overlapping (idmap/idmapset_linux.go, HostidsIntersect)
        | what                                           | id     |
        | an id of the allocation of level 1             | 65536  |
        | the unallocated id after the allocation        | 131072 |
        | the id of level 1 itself before the allocation | 65535  |

  @requires-private-host
  Rule: If raw.idmap passes an id through, the files of that host user belong to the same user at level 3

    Scenario: A file that the user makes at level 3 belongs to the host user
      Given an LXD host whose root allocation is "root:500000:196608"
      And uid and gid 1000 of the host are passed through to level 3
      And a chain of depth 3 as described
      And every level has a directory of the host
      When user 1000 of level 3 makes a file in that directory
      Then the new file belongs to user 1000 and group 1000 of the host

    Scenario: Without raw.idmap the file belongs to an id of the allocation
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 3 in which every level delegates what the levels below it need
      And every level has a directory of the host
      When user 1000 of level 3 makes a file in that directory
      Then the new file belongs to user 632072 and group 632072 of the host

    Scenario: The user at level 3 can write to a file of the host user
      Given an LXD host whose root allocation is "root:500000:196608"
      And uid and gid 1000 of the host are passed through to level 3
      And a chain of depth 3 as described
      And every level has a directory of the host with a file of user 1000 and group 1000 of the host
      When user 1000 of level 3 writes to that file
      Then the file on the host contains what was written
      And at level 1 that file belongs to user 1000 and group 1000
      And at level 3 that file belongs to user 1000 and group 1000

    Scenario Outline: User <id> of level 3 cannot write to a file of another host user, which belongs to nobody there
      Given an LXD host whose root allocation is "root:500000:196608"
      And uid and gid 1000 of the host are passed through to level 3
      And a chain of depth 3 as described
      And every level has a directory of the host with a file of user 1001 and group 1001 of the host
      When user <id> of level 3 writes to that file
      Then the write fails with EACCES and the file on the host is unchanged
      And at level 3 that file belongs to user 65534 and group 65534

      Examples:
        | id   |
        | 1000 |
        | 0    |

    Scenario: The last id of a range is the same user on the host
      Given an LXD host whose root allocation is "root:500000:131072"
      And uids and gids 1000 to 1009 of the host are passed through to level 2
      And a chain of depth 2 as described
      And every level has a directory of the host
      When user 1009 of level 2 makes a file in that directory
      Then the new file belongs to user 1009 and group 1009 of the host

    Scenario: With only the gid passed through, the user can write to a file of the host group
      Given an LXD host whose root allocation is "root:500000:131072"
      And gid 1000 of the host is passed through to level 2
      And a chain of depth 2 as described
      And every level has a directory of the host with a file of user 1000 and group 1000 of the host
      When user 1000 of level 2 writes to that file
      Then the file on the host contains what was written
      And at level 2 that file belongs to user 65534 and group 1000
