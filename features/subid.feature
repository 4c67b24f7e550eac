@requires-private-host
Feature: How LXD and newuidmap read the same files
  Two programs read /etc/subuid and /etc/subgid. LXD reads them when it starts, to choose
  the ids of its containers. newuidmap, if it is installed, reads them when a container
  starts, to grant these ids. If they parse a line differently, a container is created but
  does not start, or it has unexpected ids. (LXD: idmap/idmapset_linux.go, getFromShadow;
  shadow: lib/subordinateio.c.)

  Rule: LXD accepts some entries that newuidmap ignores

    Scenario Outline: LXD accepts an entry with <what>, newuidmap does not
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

    # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
    @lxd
    Scenario: LXD accepts lines with CRLF endings
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

  # Without newuidmap, Incus ignores both files (Incus: shared/idmap/set_load.go, NewSetFromSystem).
  @incus
  Rule: Without newuidmap, Incus ignores both files
    Its containers get 1000000000 ids from 1000000 on, or what is left of its own ids. LXD reads the
    files in any case. (Incus: shared/idmap/set_load.go, NewSetFromSystem.)

    Scenario: Levels 1 and 2 get ids from 1000000 on
      Given an LXD host whose root allocation is "root:500000:131072"
      And the root allocation of level 1 is "root:65536:65536"
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent  | host    | count      |
        | 1     | 0      | 1000000 | 1000000 | 1000000000 |
        | 2     | 0      | 1000000 | 2000000 | 999000000  |

  Rule: newuidmap treated an entry of zero ids at id 0 as all ids
    It computed the last id as 0 + 0 - 1 without a sign.

    # newuidmap ignores such entries since 4.20 (shadow: 9463d57b01).
    @before-shadow-4.20
    Scenario: With such an entry, newuidmap grants ids that it would otherwise refuse
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

    # newuidmap ignores such entries since 4.20 (shadow: 9463d57b01).
    @since-shadow-4.20
    Scenario: With such an entry, newuidmap refuses the same ids as without it
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
      Then the build stops at level 1 in operation "start" for the reason "refused by newuidmap"

  Rule: LXD silently ignores lines that it does not accept as entries

    Scenario Outline: LXD ignores an entry with <what>, and the host uses its default
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

    Scenario: If subgid is missing, LXD ignores subuid, too
      Given an LXD host whose root allocation is "root:500000:65536"
      And /etc/subgid of the host is missing
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And root at level 1 is id 1000000 on the host

  Rule: One line with fewer than three fields makes the whole file invalid

    Scenario Outline: The line "<line>" of another user stops level 1
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

    # LXD reads subuid before it looks for subgid (LXD: c041b1eb1a).
    @lxd @since-lxd-6.8
    Scenario: An invalid subuid also counts if subgid is missing
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        lxd
        """
      And /etc/subgid of the host is missing
      When a chain of depth 1 is built as described
      Then the build stops at level 1 in operation "create" for the reason "subid file malformed"

    # LXD looks for both files before it reads one (LXD: shared/idmap/idmapset_linux.go, DefaultIdmapSet).
    @lxd @before-lxd-6.8
    Scenario: An invalid subuid is ignored if subgid is missing
      Given an LXD host without a root allocation
      And /etc/subuid of the host reads
        """
        lxd
        """
      And /etc/subgid of the host is missing
      And newuidmap is installed neither on the host nor at any level
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And root at level 1 is id 1000000 on the host

  Rule: LXD uses the first entry that is large enough, not the largest

    # Incus takes every line that is large enough, LXD the first one (Incus: internal/server/sys/os.go, getIdmapset).
    @lxd
    Scenario: LXD skips an entry that is too small, and ignores a larger one after the first suitable one
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

    # Incus takes every line that is large enough, LXD the first one (Incus: internal/server/sys/os.go, getIdmapset).
    @incus
    Scenario: Incus takes both entries that are large enough, and the kernel refuses the overlapping map
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
      Then the build stops at level 1 in operation "start" for the reason "idmap invalid"
