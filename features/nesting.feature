Feature: The security.nesting flag
  A container with its own user namespace mounts its own proc when it starts. The kernel
  only allows that if the container around it has a proc in which nothing is covered,
  because the inner proc would show more (fs/namespace.c, mount_too_revealing). liblxc
  covers the boot id in every container (conf.c, lxc_setup_boot_id), and lxcfs covers
  meminfo and other files. With security.nesting, LXD also mounts a complete proc and
  sysfs at other paths when the container starts. Without AppArmor, the flag does nothing
  else.

  With AppArmor, the flag also changes the container's profile, even while the container
  runs. Without the flag, liblxc cannot even mount the root filesystem of a container
  inside.

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

    Scenario: Level 2 does not inherit the flag of level 1, so level 3 does not start
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

    Scenario: A value that is not a boolean is refused
      Given the configuration of level 1 is
        | key              | value |
        | security.nesting | maybe |
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 1 in operation "create" for the reason "configuration refused"

  @on-no-apparmor
  Rule: Without AppArmor the covered files prevent nesting, not the missing flag itself

    @core
    Scenario: Root of level 1 uncovers its proc, and level 2 starts without the flag
      The flag is not a security boundary: root of an unprivileged level can work around it.

      Given level 1 has no security.nesting
      And root of level 1 uncovers the boot id
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And at level 1 nothing covers /proc/sys/kernel/random/boot_id
      And every level has the planned ids

    Scenario: A privileged level 2 starts without the flag, because it sees no more than level 1 could
      Given level 1 has no security.nesting
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And at level 1 /proc/sys/kernel/random/boot_id is covered by tmpfs

  # Newer profiles allow unprivileged containers all mounts (LXD: e1b97783c9, also in 5.21.5; Incus: 36e76aaecb, also in 6.0.3).
  @on-apparmor @before-lxd-6.7 @before-incus-6.0.3
  Rule: With AppArmor the flag is a security boundary

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

    Scenario: If the flag is removed while level 1 runs, level 2 no longer starts
      Given level 1 loses security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And security.nesting of level 1 is unset

  # Newer profiles allow unprivileged containers all mounts (LXD: e1b97783c9, also in 5.21.5; Incus: 36e76aaecb, also in 6.0.3).
  @on-apparmor @since-lxd-6.7 @since-incus-6.0.3
  Rule: With newer AppArmor profiles the flag is no security boundary

    @core
    Scenario: Root of level 1 uncovers its proc, and level 2 starts without the flag under AppArmor
      Given level 1 has no security.nesting
      And root of level 1 uncovers the boot id
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And at level 1 nothing covers /proc/sys/kernel/random/boot_id
      And every level has the planned ids

    Scenario: A privileged level 2 starts without the flag under AppArmor
      Given level 1 has no security.nesting
      And level 2 is privileged
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset

    Scenario: If the flag is removed while level 1 runs, level 2 still starts under AppArmor
      Given level 1 loses security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset

  Rule: The flag takes effect when the container starts

    Scenario: If the flag is set while level 1 runs, level 2 does not start
      Given level 1 has no security.nesting
      And level 1 gets security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And security.nesting of level 1 is "true"

    Scenario: If the flag is set before a restart of level 1, level 2 starts
      Given level 1 has no security.nesting
      And level 1 gets security.nesting and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And every level has the planned ids

    @on-no-apparmor
    Scenario: If the flag is removed while level 1 runs, level 2 still starts
      Given level 1 loses security.nesting while it runs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And security.nesting of level 1 is unset
      And every level has the planned ids

    Scenario: If the flag is removed before a restart of level 1, level 2 no longer starts
      Given level 1 loses security.nesting and is restarted
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And security.nesting of level 1 is unset

  @requires-tools @requires-fuse @requires-private-host
  Rule: With the flag, level 2 starts even if lxcfs covers files of /proc

    Scenario: lxcfs covers files at level 1, and level 2 starts
      Given lxcfs is installed on the host and at every level
      And lxcfs of the host covers files of /proc at level 1
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then all 2 levels are up
      And at level 1 /proc/meminfo is covered by fuse.lxcfs
      And every level has the planned ids

    Scenario: Uncovering the boot id is not enough if lxcfs covers more files
      Given lxcfs is installed on the host and at every level
      And lxcfs of the host covers files of /proc at level 1
      And level 1 has no security.nesting
      And root of level 1 uncovers the boot id
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "start" for the reason "nesting not allowed"
      And at level 1 nothing covers /proc/sys/kernel/random/boot_id
      And at level 1 /proc/meminfo is covered by fuse.lxcfs
