Feature: How LXD reads the allocation files of a level
  The LXD of a level reads /etc/subuid and /etc/subgid of that level by the same rules as
  the LXD of the host. But its default is different: the level's own ids from 100000 on.
  So a mistake in the files of level 1 gives level 2 other ids, or stops it.
  (LXD: idmap/idmapset_linux.go.)

  Background:
    Given an LXD host whose root allocation is "root:500000:262144"

  Rule: One malformed line, even of another user, stops the level below

    Scenario Outline: The line "<line>" at level 1 stops level 2
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        root:65536:65536
        <line>
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "create" for the reason "subid file malformed"
      And the levels above it are still up

      Examples:
        | line    |
        | lxd:100 |
        | user    |

  Rule: If LXD ignores the files, level 2 starts at id 100000 of level 1

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario Outline: If /etc/<file> of level 1 is missing, LXD ignores the other file, too
      Given the root allocation of level 1 is "root:65536:65536"
      And /etc/<file> of level 1 is missing
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 600000 on the host

      Examples:
        | file   |
        | subuid |
        | subgid |

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario Outline: LXD ignores <what> at level 1
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        <line>
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 600000 on the host

      Examples:
        | what                 | line              |
        | root named by number | 0:65536:65536     |
        | a line commented out | #root:65536:65536 |
        | an entry of user lxd | lxd:65536:65536   |

    # Incus looks for root by number if there is no line by name (Incus: shared/idmap/set_load.go).
    @lxd
    Scenario: If root is named by number at level 1, newuidmap grants other ids than LXD chooses
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        0:65536:65536
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "refused by newuidmap"

    # Incus looks for root by number if there is no line by name (Incus: shared/idmap/set_load.go).
    @incus
    Scenario: Incus accepts root named by number at level 1
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        0:65536:65536
        """
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 565536 on the host

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario: Without an entry in subgid, LXD ignores the entry in subuid
      Given /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 600000 on the host

  Rule: The LXD of level 1 accepts lines with CRLF endings, its newuidmap does not

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd @requires-private-host
    Scenario: Without newuidmap, level 2 has the ids of a line with CRLF ending
      Given /etc/subuid and /etc/subgid of level 1 read with CRLF line endings
        """
        root:65536:65536
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 565536 on the host

    Scenario: With newuidmap, level 2 does not start with the ids of a line with CRLF ending
      Given /etc/subuid and /etc/subgid of level 1 read with CRLF line endings
        """
        root:65536:65536
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "refused by newuidmap"

  Rule: LXD uses the first line that is large enough, separately for uids and gids

    # Incus takes every line that is large enough, LXD the first one (Incus: internal/server/sys/os.go, getIdmapset).
    @lxd
    Scenario: LXD skips a line that is too small, and ignores lines after the first suitable one
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        root:1000:65535
        root:65536:65536
        root:131072:131072
        """
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 262144 |
        | 2     | 0      | 65536  | 565536 | 65536  |

    # Incus takes every line that is large enough, LXD the first one (Incus: internal/server/sys/os.go, getIdmapset).
    @incus
    Scenario: Incus takes every line that is large enough, and the kernel refuses the overlapping map
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        root:1000:65535
        root:65536:65536
        root:131072:131072
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "idmap invalid"

    Scenario: A repeated line counts once
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        root:65536:65536
        root:65536:65536
        """
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 262144 |
        | 2     | 0      | 65536  | 565536 | 65536  |

    Scenario: Uids and gids that start at different ids
      Given /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:131072:131072
        """
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And the uid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 262144 |
        | 2     | 0      | 65536  | 565536 | 65536  |
      And the gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 262144 |
        | 2     | 0      | 131072 | 631072 | 131072 |

    Scenario: With enough uids but too few gids, a container is created but does not start
      Given /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:65535
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "uid and gid disagree"
