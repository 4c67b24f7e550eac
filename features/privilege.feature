Feature: Privileged levels
  A privileged container has no user namespace of its own: it runs in that of the LXD
  that makes it, and has that one's ids. On a host those are all ids, and root is the
  host's root; inside an unprivileged level they are what that level has, and root is
  root of that level. The article's first way to nest is such a chain.

  These hosts have no AppArmor, which confines privileged containers more than others.
  There security.nesting decides, too, whether a LXD in one can set up its mounts
  ("Does security.nesting need to be turned on?").

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  @requires-private-host
  Rule: A privileged level has the user namespace and the ids of the level above it

    Scenario: Every level of a privileged chain is root of the host
      Given level 1 is privileged
      And level 2 is privileged
      And level 3 is privileged
      And a chain of depth 3 as described
      Then all 3 levels are up
      And level 3 runs in the user namespace of the host
      And the uid and gid maps are
        | level | inside | parent | host | count      |
        | 1     | 0      | 0      | 0    | 4294967295 |
        | 2     | 0      | 0      | 0    | 4294967295 |
        | 3     | 0      | 0      | 0    | 4294967295 |
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level

    Scenario: A privileged level in an unprivileged one is root of that one, and not of the host
      Given level 2 is privileged
      And /etc/subuid of level 2 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 2 reads
        """
        root:65536:65536
        """
      And a chain of depth 3 in which every level delegates what the levels below it need
      Then all 3 levels are up
      And level 1 runs in its own user namespace
      And level 2 runs in the user namespace of level 1
      And level 3 runs in its own user namespace
      And the uid and gid maps are
        | level | inside | parent | host   | count  |
        | 1     | 0      | 500000 | 500000 | 196608 |
        | 2     | 0      | 500000 | 500000 | 196608 |
        | 3     | 0      | 65536  | 565536 | 65536  |
      And processes at every level run under the host ids of that level
      And files made at every level belong to the host ids of that level

  Rule: A privileged level takes no ids from an allocation

    @requires-private-host
    Scenario: A host whose allocation is too small makes a privileged level, which makes an unprivileged one of ids that the host allocated to nobody
      Given an LXD host whose root allocation is "root:500000:65535"
      And level 1 is privileged
      And /etc/subuid of level 1 reads
        """
        root:3000000:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:3000000:65536
        """
      When a chain of depth 2 is built as described
      Then all 2 levels are up
      And level 2 runs in its own user namespace
      And the uid and gid maps are
        | level | inside | parent  | host    | count      |
        | 1     | 0      | 0       | 0       | 4294967295 |
        | 2     | 0      | 3000000 | 3000000 | 65536      |

    Scenario: Level 1 has ids for no other level but a privileged one
      Given an LXD host whose root allocation is "root:500000:65536"
      And level 2 is privileged
      When a chain of depth 3 is built as described
      Then the build stops at level 3 in operation "create" for the reason "no allocation"
      And the levels above it are still up

    @requires-private-host
    Scenario: A privileged level without files of its own gives its containers the ids that a host gives by default
      Given newuidmap is installed neither on the host nor at any level
      And level 1 is privileged
      And a chain of depth 2 as described
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent  | host    | count      |
        | 1     | 0      | 0       | 0       | 4294967295 |
        | 2     | 0      | 1000000 | 1000000 | 1000000000 |

    @requires-private-host
    Scenario: raw.idmap of a privileged level is not even read
      Given the configuration of level 1 is
        | key                 | value         |
        | security.privileged | true          |
        | raw.idmap           | no map at all |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And level 1 runs in the user namespace of the host

  Rule: A privileged level hands on what its user namespace allows

    @requires-private-host
    Scenario: An unprivileged level is root of nothing but itself, wherever it runs
      LXD takes the capabilities that change the kernel itself from every privileged
      container, even where the user namespace that it is in makes them harmless; from
      an unprivileged one it takes none (lxd/instance/drivers/driver_lxc.go, initLXC).

      Given level 1 is privileged
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then root at level 1 may not load kernel modules in its user namespace
      And root at level 1 may not set the clock in its user namespace
      And root at level 1 may mount filesystems in its user namespace
      And root at level 2 may load kernel modules in its user namespace
      And root at level 2 may set the clock in its user namespace
      And level 2 runs in its own user namespace

    Scenario: A privileged level in an unprivileged one may do less there than root of that one
      Given level 2 is privileged
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then root at level 1 may load kernel modules in its user namespace
      And root at level 2 may not load kernel modules in its user namespace
      And root at level 2 may not set the clock in its user namespace
      And root at level 2 may mount filesystems in its user namespace

    @requires-private-host @on-no-apparmor
    Scenario: Without the flag for nesting, a privileged level starts privileged levels and no others
      Given level 1 is privileged
      And level 1 has no security.nesting
      And level 2 is privileged
      And level 2 has no security.nesting
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "start" for the reason "nesting not allowed"
      And the levels above it are still up
      And level 2 runs in the user namespace of the host

    @requires-private-host @on-apparmor
    Scenario: Without the flag for nesting AppArmor lets a privileged level start none
      Given level 1 is privileged
      And level 1 has no security.nesting
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And the levels above it are still up

  Rule: The file capabilities of the image arrive where no file needs a new owner

    Scenario: A privileged level in an unprivileged one keeps them, an unprivileged one inside loses them
      (LXD gives them a new root as it gives files new owners, and fails where its ids
      do not reach 1000000; the files of a privileged container keep their owners.)

      Given level 2 is privileged
      And /etc/subuid of level 2 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 2 reads
        """
        root:65536:65536
        """
      And a chain of depth 3 in which every level delegates what the levels below it need
      Then the file capability of the image arrives at level 2
      And the file capability of the image is lost at level 3
      And the sentinel of the image arrives at every level with its owner and ACL

    @requires-private-host
    Scenario: In a privileged level 1, whose LXD has every id, an unprivileged level keeps them as on the host
      Given level 1 is privileged
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then the file capability of the image arrives at level 1
      And the file capability of the image arrives at level 2
      And the sentinel of the image arrives at every level with its owner and ACL

  Rule: A level is privileged, or not, from its start to its end

    @requires-private-host
    Scenario: Privilege that is taken away while level 1 runs stays with it
      Given level 1 is privileged
      And level 1 loses security.privileged while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And level 1 runs in the user namespace of the host
      And root at level 2 is id 65536 on the host

    @requires-private-host
    Scenario: A restart takes it away, and the files of the level get their new owners
      Given level 1 is privileged
      And level 1 loses security.privileged and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And every level is unprivileged
      And every level has the planned ids
      And the sentinel of the image arrives at every level with its owner and ACL

    Scenario: A nested level that becomes privileged gets its files back, but not the capabilities that they lost
      Given level 2 gets security.privileged and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And level 2 runs in the user namespace of level 1
      And root at level 2 is id 500000 on the host
      And the sentinel of the image arrives at every level with its owner and ACL
      And the file capability of the image is lost at level 2

  Rule: A LXD can be told to make no privileged containers

    @requires-private-host
    Scenario Outline: The LXD of level 1 runs with LXD_UNPRIVILEGED_ONLY and makes no privileged level, be level 1 privileged: <privileged>
      Given the configuration of level 1 is
        | key                               | value        |
        | security.privileged               | <privileged> |
        | environment.LXD_UNPRIVILEGED_ONLY | true         |
      And level 2 is privileged
      When a chain of depth 2 is built as described
      Then the build stops at level 2 in operation "create" for the reason "configuration refused"
      And the levels above it are still up

      Examples:
        | privileged |
        | false      |
        | true       |

    Scenario: It makes unprivileged ones as before
      Given the configuration of level 1 is
        | key                               | value |
        | environment.LXD_UNPRIVILEGED_ONLY | true  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And every level is unprivileged
