Feature: The flag for nesting
  A container that has a user namespace of its own mounts a proc of its own as it
  starts. The kernel allows it only where the container around it has a proc of
  which nothing is covered, lest the inner one show more (fs/namespace.c,
  mount_too_revealing). liblxc covers the boot id in every container (conf.c,
  lxc_setup_boot_id), and lxcfs, where it runs, covers meminfo and others. With
  security.nesting LXD mounts a second proc and a second sysfs, out of the way and
  whole, as the container starts: that is all that the flag does without AppArmor.

  With it, the flag also changes the container's profile, and at once. Without the
  flag liblxc may not even mount the root filesystem of a container inside.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: An unprivileged level starts only in a level that has the flag

    @core
    Scenario: Without the flag at level 1, level 2 does not start
      Given level 1 has no security.nesting
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And the levels above it are still up
      And security.nesting of level 1 is unset
      And at level 1 /proc/sys/kernel/random/boot_id is covered by tmpfs
      And at level 1 nothing covers /proc/meminfo

    Scenario: The flag of level 1 is not one for level 2, in which level 3 does not start
      Given the configuration of level 2 is
        | key              | value |
        | security.nesting | false |
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then the build stops at level 3 in operation "start" for the reason "nesting not allowed"
      And the levels above it are still up
      And security.nesting of level 1 is "true"
      And security.nesting of level 2 is "false"

    Scenario: The deepest level needs no flag
      Given a chain of depth 2 in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is "true"
      And security.nesting of level 2 is unset
      And every level has the planned ids

    Scenario: A value that is no boolean is refused
      Given the configuration of level 1 is
        | key              | value |
        | security.nesting | maybe |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "create" for the reason "configuration refused"

  @on-no-apparmor
  Rule: What is in the way is what is covered, and not the flag itself

    @core
    Scenario: Root of level 1 uncovers its proc, and level 2 starts without the flag
      The flag is no wall: root of an unprivileged level can do without.

      Given level 1 has no security.nesting
      And root of level 1 uncovers the boot id
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And at level 1 nothing covers /proc/sys/kernel/random/boot_id
      And every level has the planned ids

    Scenario: A privileged level 2 starts without the flag, as it sees no more than level 1 could
      Given level 1 has no security.nesting
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And at level 1 /proc/sys/kernel/random/boot_id is covered by tmpfs

  @on-apparmor
  Rule: With AppArmor it is the flag itself, which is a wall

    @core
    Scenario: Root of level 1 uncovers its proc, and level 2 does not start without the flag
      Given level 1 has no security.nesting
      And root of level 1 uncovers the boot id
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And at level 1 nothing covers /proc/sys/kernel/random/boot_id

    Scenario: A privileged level 2 does not start without the flag either
      Given level 1 has no security.nesting
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"

    Scenario: Taken away while level 1 runs, it no longer lets level 2 start
      Given level 1 loses security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And security.nesting of level 1 is unset

  Rule: The flag does its work when the container starts

    Scenario: Set while level 1 runs, it does not let level 2 start
      Given level 1 has no security.nesting
      And level 1 gets security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And security.nesting of level 1 is "true"

    Scenario: Set before a restart of level 1, it lets level 2 start
      Given level 1 has no security.nesting
      And level 1 gets security.nesting and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And every level has the planned ids

    @on-no-apparmor
    Scenario: Taken away while level 1 runs, it still lets level 2 start
      Given level 1 loses security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And every level has the planned ids

    Scenario: Taken away before a restart of level 1, it no longer lets level 2 start
      Given level 1 loses security.nesting and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And security.nesting of level 1 is unset

  @requires-tools @requires-fuse @requires-private-host
  Rule: With the flag it does not matter that lxcfs covers files of /proc

    Scenario: lxcfs covers files at level 1, and level 2 starts
      Given lxcfs is installed on the host and at every level
      And lxcfs of the host covers files of /proc at level 1
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And at level 1 /proc/meminfo is covered by fuse.lxcfs
      And every level has the planned ids

    Scenario: Uncovering the boot id is not enough where lxcfs covers more
      Given lxcfs is installed on the host and at every level
      And lxcfs of the host covers files of /proc at level 1
      And level 1 has no security.nesting
      And root of level 1 uncovers the boot id
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And at level 1 nothing covers /proc/sys/kernel/random/boot_id
      And at level 1 /proc/meminfo is covered by fuse.lxcfs
