Feature: Ids of the host, handed through to the levels
  raw.idmap puts an id of the parent into a container's map. Its parent is the level
  above, so an id of the host reaches level 3 only if levels 1 and 2 have it, too,
  each by a raw.idmap of its own. That makes the files of one user of the host that
  user's at every level. The LXD of a level must let it: newuidmap, where it is
  installed, wants every such id listed in the subid files above the level.

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

  Rule: A level gives only ids that it has, and none of its allocation

    @requires-private-host
    Scenario: An id that level 1 lacks cannot be granted to level 2
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

    Scenario: newuidmap at level 1 grants level 2 only what the subid files of level 1 list
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

      Examples: LXD takes ranges side by side for ranges that overlap (idmap/idmapset_linux.go, HostidsIntersect)
        | what                                        | id     |
        | an id of the allocation of level 1          | 65536  |
        | the id behind the allocation, nobody's      | 131072 |
        | the id before the allocation, level 1's own | 65535  |

  @requires-private-host
  Rule: What a user of the host owns is that user's at level 3 if raw.idmap hands the id through

    Scenario: A file that the user makes at level 3 belongs to the user of the host
      Given an LXD host whose root allocation is "root:500000:196608"
      And uid and gid 1000 of the host are passed through to level 3
      And a chain of depth 3 as described
      And every level has a directory of the host
      When user 1000 of level 3 makes a file in that directory
      Then the new file belongs to user 1000 and group 1000 of the host

    Scenario: Without raw.idmap it belongs to an id of the allocation
      Given an LXD host whose root allocation is "root:500000:196608"
      And a chain of depth 3 in which every level delegates what the levels below it need
      And every level has a directory of the host
      When user 1000 of level 3 makes a file in that directory
      Then the new file belongs to user 632072 and group 632072 of the host

    Scenario: The user writes at level 3 to what the user of the host owns
      Given an LXD host whose root allocation is "root:500000:196608"
      And uid and gid 1000 of the host are passed through to level 3
      And a chain of depth 3 as described
      And every level has a directory of the host with a file of user 1000 and group 1000 of the host
      When user 1000 of level 3 writes to that file
      Then the file on the host contains what was written
      And at level 1 that file belongs to user 1000 and group 1000
      And at level 3 that file belongs to user 1000 and group 1000

    Scenario Outline: To user <id> of level 3 a file of another user of the host is nobody's, and closed
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

    Scenario: The last id of a range owns what it owns on the host
      Given an LXD host whose root allocation is "root:500000:131072"
      And uids and gids 1000 to 1009 of the host are passed through to level 2
      And a chain of depth 2 as described
      And every level has a directory of the host
      When user 1009 of level 2 makes a file in that directory
      Then the new file belongs to user 1009 and group 1009 of the host

    Scenario: A gid alone opens what the group of the host may write
      Given an LXD host whose root allocation is "root:500000:131072"
      And gid 1000 of the host is passed through to level 2
      And a chain of depth 2 as described
      And every level has a directory of the host with a file of user 1000 and group 1000 of the host
      When user 1000 of level 2 writes to that file
      Then the file on the host contains what was written
      And at level 2 that file belongs to user 65534 and group 1000
