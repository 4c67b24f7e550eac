@requires-private-host
Feature: How LXD and newuidmap read the same files
  Two programs read /etc/subuid and /etc/subgid, each in its own way: LXD, when it
  starts, to choose the ids of its containers; and newuidmap, where it is
  installed, to grant them when a container starts. What one of them reads and the
  other does not is a container that is created and never starts, or one with
  other ids than its files seem to say. (LXD: idmap/idmapset_linux.go,
  getFromShadow; shadow: lib/subordinateio.c.)

  Rule: What LXD takes for an entry and newuidmap does not

    Scenario Outline: An entry with <what> is chosen by LXD and refused by newuidmap
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        <line>
        """
      And /etc/subgid of the host reads
        """
        root:500000:65536
        """
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "start" for the reason "refused by newuidmap"

      Examples:
        | what                        | line                           |
        | a comment behind it         | root:500000:65536# for nesting |
        | the owner in capitals       | ROOT:500000:65536              |
        | a number that starts with 0 | root:0500000:65536             |

    Scenario: Lines that end in CR LF are lines to LXD
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads with CRLF line endings
        """
        root:500000:65536
        """
      And /etc/subgid of the host reads with CRLF line endings
        """
        root:500000:65536
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And root at level 1 is id 500000 on the host

  Rule: An entry of no ids at 0 is, to newuidmap, one of all ids
    Its last id is 0 + 0 - 1, and there are no signs.

    Scenario: What newuidmap would refuse it then grants
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        ROOT:500000:65536
        root:0:0
        """
      And /etc/subgid of the host reads
        """
        root:500000:65536
        """
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And root at level 1 is id 500000 on the host

  Rule: What LXD does not take for an entry it passes over in silence

    Scenario Outline: An entry with <what> leaves the host with its default
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        <line>
        """
      And /etc/subgid of the host reads
        """
        root:500000:65536
        """
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And root at level 1 is id 1000000 on the host

      Examples:
        | what                    | line                        |
        | root named by number    | 0:500000:65536              |
        | a hexadecimal number    | root:0x7a120:65536          |
        | a space before a number | root: 500000:65536          |
        | a comment behind a space | root:500000:65536 # nesting |

    Scenario: A missing subgid makes LXD forget subuid, too
      Given an LXD host whose root allocation is "root:500000:65536"
      And /etc/subgid of the host is missing
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And root at level 1 is id 1000000 on the host

  Rule: One line with fewer than three fields spoils the whole file

    Scenario Outline: The line "<line>" of somebody else's
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        root:500000:65536
        <line>
        """
      And /etc/subgid of the host reads
        """
        root:500000:65536
        """
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "create" for the reason "subid file malformed"

      Examples:
        | line    |
        | lxd:100 |
        | lxd     |

  Rule: LXD takes the first entry that is large enough, not the largest

    Scenario: A small entry is passed over, a larger one behind the first counts for nothing
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        root:100000:65535
        root:500000:65536
        root:700000:196608
        """
      And /etc/subgid of the host reads
        """
        root:500000:65536
        """
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And the uid maps are
        | level | inside | parent | host   | count |
        | 1     | 0      | 500000 | 500000 | 65536 |
