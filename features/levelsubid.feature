Feature: The allocation files of a level, as people write them
  The LXD of a level reads /etc/subuid and /etc/subgid of that level by the same
  rules as the host's does. Where it falls back to a default, that is not a
  million ids but what the level itself has from 100000 up, so that a mistake in
  level 1 moves level 2, or stops it. (LXD: idmap/idmapset_linux.go.)

  Background:
    Given an LXD host whose root allocation is "root:500000:262144"

  Rule: One malformed line of anybody's stops the level below

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

  Rule: Where a file does not count, level 2 starts at id 100000 of level 1

    @requires-private-host
    Scenario Outline: With /etc/<file> of level 1 missing, the other file does not count either
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

    @requires-private-host
    Scenario Outline: <what> at level 1 is nobody's allocation
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
        | Root named by number | 0:65536:65536     |
        | A line commented out | #root:65536:65536 |
        | An entry of user lxd | lxd:65536:65536   |

    Scenario: Where level 1 has newuidmap, it grants root named by number other ids than LXD takes
      Given /etc/subuid and /etc/subgid of level 1 read
        """
        0:65536:65536
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "refused by newuidmap"

    @requires-private-host
    Scenario: Uids without gids: no entry in subgid is as if subuid had none
      Given /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 600000 on the host

  Rule: Lines that end in CR LF are lines to the LXD of level 1, and none to its newuidmap

    @requires-private-host
    Scenario: Without newuidmap, level 2 has the ids of such a line
      Given /etc/subuid and /etc/subgid of level 1 read with CRLF line endings
        """
        root:65536:65536
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And root at level 2 is id 565536 on the host

    Scenario: With newuidmap, level 2 does not start
      Given /etc/subuid and /etc/subgid of level 1 read with CRLF line endings
        """
        root:65536:65536
        """
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "start" for the reason "refused by newuidmap"

  Rule: The first line that is large enough counts, for uids and gids apart

    Scenario: A small line is passed over, and a larger one behind the first
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

    Scenario: Too few gids beside enough uids make a container that is created and never starts
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
