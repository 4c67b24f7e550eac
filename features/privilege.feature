Feature: Privileged levels
  A privileged container runs in the user namespace of the LXD that makes it, and has the
  same ids. On a host these are all ids, and root is the host's root. Inside an
  unprivileged level these are the ids of that level, and root is root of that level. The
  article's first way to nest is a privileged chain.

  AppArmor confines privileged containers more strictly than others. With AppArmor,
  security.nesting also decides whether an LXD in a privileged container can set up its
  mounts ("Does security.nesting need to be turned on?").

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

    Scenario: A privileged level inside an unprivileged one is root of that level, not of the host
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

  Rule: A privileged level needs no allocation

    @requires-private-host
    Scenario: A host with a too small allocation makes a privileged level, which makes an unprivileged one from unallocated ids
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

    Scenario: Level 1 only has ids for a privileged level
      Given an LXD host whose root allocation is "root:500000:65536"
      And level 2 is privileged
      When a chain of depth 3 is built as described
      Then the build stops at level 3 in operation "create" for the reason "no allocation"
      And the levels above it are still up

    @requires-private-host
    Scenario: A privileged level without subid files gives its containers the default ids of a host
      Given newuidmap is installed neither on the host nor at any level
      And level 1 is privileged
      And a chain of depth 2 as described
      Then all 2 levels are up
      And the uid and gid maps are
        | level | inside | parent  | host    | count      |
        | 1     | 0      | 0       | 0       | 4294967295 |
        | 2     | 0      | 1000000 | 1000000 | 1000000000 |

    @requires-private-host
    Scenario: LXD does not parse raw.idmap of a privileged level
      Given the configuration of level 1 is
        | key                 | value         |
        | security.privileged | true          |
        | raw.idmap           | no map at all |
      When a chain of depth 1 is built as described
      Then all 1 levels are up
      And level 1 runs in the user namespace of the host

  Rule: The capabilities of a level depend on its user namespace and on LXD

    @requires-private-host
    Scenario: An unprivileged level in a privileged one has all capabilities, but only in its own user namespace
      LXD removes the capabilities that change the kernel itself from every privileged
      container, even if they are harmless in its user namespace. It removes none from an
      unprivileged container (lxd/instance/drivers/driver_lxc.go, initLXC).

      Given level 1 is privileged
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then root at level 1 may not load kernel modules in its user namespace
      And root at level 1 may not set the clock in its user namespace
      And root at level 1 may mount filesystems in its user namespace
      And root at level 2 may load kernel modules in its user namespace
      And root at level 2 may set the clock in its user namespace
      And level 2 runs in its own user namespace

    Scenario: A privileged level in an unprivileged one has fewer capabilities than root of that level
      Given level 2 is privileged
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then root at level 1 may load kernel modules in its user namespace
      And root at level 2 may not load kernel modules in its user namespace
      And root at level 2 may not set the clock in its user namespace
      And root at level 2 may mount filesystems in its user namespace

    @requires-private-host @on-no-apparmor
    Scenario: Without security.nesting, a privileged level starts only privileged levels
      Given level 1 is privileged
      And level 1 has no security.nesting
      And level 2 is privileged
      And level 2 has no security.nesting
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "start" for the reason "nesting not allowed"
      And the levels above it are still up
      And level 2 runs in the user namespace of the host

    @requires-private-host @on-apparmor
    Scenario: Without security.nesting, AppArmor lets a privileged level start no level
      Given level 1 is privileged
      And level 1 has no security.nesting
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And the levels above it are still up

  Rule: File capabilities of the image arrive if the files keep their owners

    Scenario: A privileged level in an unprivileged one keeps them, an unprivileged level inside it loses them
      If LXD changes the owners of files, it must write the capabilities for the new root,
      which fails if it does not have id 1000000. Files of a privileged container keep
      their owners.

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
    Scenario: An unprivileged level in a privileged level 1, whose LXD has every id, keeps them
      Given level 1 is privileged
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then the file capability of the image arrives at level 1
      And the file capability of the image arrives at level 2
      And the sentinel of the image arrives at every level with its owner and ACL

  Rule: A change of security.privileged takes effect at the next start

    @requires-private-host
    Scenario: Level 1 stays privileged if security.privileged is removed while it runs
      Given level 1 is privileged
      And level 1 loses security.privileged while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And level 1 runs in the user namespace of the host
      And root at level 2 is id 65536 on the host

    @requires-private-host
    Scenario: After a restart level 1 is unprivileged, and its files have new owners
      Given level 1 is privileged
      And level 1 loses security.privileged and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And every level is unprivileged
      And every level has the planned ids
      And the sentinel of the image arrives at every level with its owner and ACL

    Scenario: A nested level that becomes privileged owns its files, but their lost capabilities do not come back
      Given level 2 gets security.privileged and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And level 2 runs in the user namespace of level 1
      And root at level 2 is id 500000 on the host
      And the sentinel of the image arrives at every level with its owner and ACL
      And the file capability of the image is lost at level 2

  # Incus does not read LXD_UNPRIVILEGED_ONLY (LXD: lxd/instance/instance_utils.go).
  @lxd
  Rule: LXD_UNPRIVILEGED_ONLY prevents privileged containers

    @requires-private-host
    Scenario Outline: The LXD of level 1 refuses a privileged level with LXD_UNPRIVILEGED_ONLY (level 1 privileged: <privileged>)
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

    Scenario: With LXD_UNPRIVILEGED_ONLY, LXD still makes unprivileged levels
      Given the configuration of level 1 is
        | key                               | value |
        | environment.LXD_UNPRIVILEGED_ONLY | true  |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And every level is unprivileged
