Feature: A limit on a level also applies to all levels inside it
  The kernel also charges the resources that a level uses to every level above it. So a
  limit on level 1 applies to the processes of level 3, although the host's LXD does not
  know them. The same is true for a limit that the LXD inside level 1 sets on level 2.
  All limits here are set on running levels.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"
    And a chain of depth 3 in which every level delegates what the levels below it need

  Rule: Above a memory limit the kernel kills a process of level 3 and nothing else

    Scenario: Without a limit, level 3 allocates 400 MB
      When level 3 allocates 400 MB of memory
      Then it succeeds

    Scenario Outline: With a limit of 300 MB at level <level>, a process of level 3 that allocates 400 MB is killed
      Given the configuration of level <level> has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      When level 3 allocates 400 MB of memory
      Then the out-of-memory killer has killed that process of level 3 and no other process
      And every level has kept running
      And the LXD inside every level answers

      Examples:
        | level |
        | 1     |
        | 2     |

    Scenario: A limit above that of the level above is accepted but has no effect
      Given the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      And the configuration of level 2 has been changed to
        | key           | value  |
        | limits.memory | 900MiB |
      When level 3 allocates 400 MB of memory
      Then the out-of-memory killer has killed that process of level 3 and no other process
      And every level has kept running

    @known-bug
    Scenario: A removed limit has no further effect
      Given the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      And the configuration of level 1 has been changed to
        | key           | value |
        | limits.memory |       |
      When level 3 allocates 400 MB of memory
      Then it succeeds

    @requires-debian @requires-private-host
    Scenario: With the LXD of Debian 12, a removed limit has no further effect
      Given the levels run the bundles
        | level | bundle          |
        | 0     | debian:bookworm |
      And the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      And the configuration of level 1 has been changed to
        | key           | value |
        | limits.memory |       |
      When level 3 allocates 400 MB of memory
      Then it succeeds

    @on-cgroup2 @requires-debian @requires-private-host
    Scenario: With the LXD of Debian 13, level 1 is throttled to no memory after its limit is removed
      LXD treats "no limit" as -1 bytes and sets memory.high to nine tenths of it, which is 0
      (LXD until pull request 13192: driver_lxc.go, Update).

      Given the levels run the bundles
        | level | bundle        |
        | 0     | debian:trixie |
      And the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      When the configuration of level 1 is changed to
        | key           | value |
        | limits.memory |       |
      Then the kernel throttles level 1 above 0 bytes of memory

  Rule: A percentage of memory refers to the machine at every level
    LXD reads /proc/meminfo, which without lxcfs shows the machine's memory at every level.
    It reads a kB there as 1000 bytes, so 50% becomes slightly less than half (LXD and
    Incus: DeviceTotalMemory, units.ParseByteSizeString).

    Scenario: Half of the memory at level 2 is more than level 1 has
      Given the configuration of level 1 has been changed to
        | key           | value  |
        | limits.memory | 300MiB |
      When the configuration of level 2 is changed to
        | key           | value |
        | limits.memory | 50%   |
      Then the memory limit of level 2 is half of the machine's memory

  Rule: At a process limit level 3 cannot start more processes, and all levels keep running

    Scenario: Without a limit, level 3 starts 200 processes
      When level 3 starts 200 processes
      Then it succeeds

    Scenario Outline: With a limit of 150 processes at level <level>, level 3 cannot start 200
      Given the configuration of level <level> has been changed to
        | key              | value |
        | limits.processes | 150   |
      When level 3 starts 200 processes
      Then the kernel refuses to start more processes
      And every level has kept running
      And the LXD inside every level answers

      Examples:
        | level |
        | 1     |
        | 2     |

  # Exclusive: beside other scenarios the level might not get enough time to reach its limit.
  @exclusive
  Rule: A CPU allowance throttles the level that has it, with everything inside

    @requires-speed
    Scenario Outline: Level 3 uses a processor continuously, and level <level> may use a fifth of one
      Given the configuration of level <level> has been changed to
        | key                  | value      |
        | limits.cpu.allowance | 20ms/100ms |
      When level 3 uses a processor continuously
      Then the kernel has throttled level <level> by its own limit, and no other level

      Examples:
        | level |
        | 1     |
        | 2     |

    Scenario: Level 1 gets a smaller allowance than level 2
      # On v1 the quota of a cgroup must not be smaller than that of a child (kernel/sched/core.c, tg_cfs_schedulable_down).
      Given the configuration of level 2 has been changed to
        | key                  | value      |
        | limits.cpu.allowance | 50ms/100ms |
      When the configuration of level 1 is changed to
        | key                  | value      |
        | limits.cpu.allowance | 10ms/100ms |
      Then LXD refuses the change on cgroup v1 and accepts it on cgroup v2

  Rule: Levels inside level 1 get the processors that level 1 has when its first container starts
    See canonical/lxd issue 7441.

    Scenario: If level 1 is made with one processor, the levels inside have only that one
      Given an LXD host whose root allocation is "root:500000:196608"
      And the configuration of level 1 is
        | key        | value |
        | limits.cpu | 1     |
      And /etc/subuid of level 1 reads
        """
        root:65536:131072
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:131072
        """
      And /etc/subuid of level 2 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 2 reads
        """
        root:65536:65536
        """
      And a chain of depth 3 as described
      Then level 2 has one processor, the same as level 1
      And level 3 has one processor, the same as level 1

    @requires-private-host
    Scenario: On cgroup v1 LXD cannot take processors from a level with others inside, and only logs that
      When the configuration of level 1 is changed to
        | key        | value |
        | limits.cpu | 1     |
      Then level 3 keeps its processors on cgroup v1 and has one left on cgroup v2

  @on-cgroup2
  Rule: Every level has the cgroup controllers of the level above

    Scenario: The controllers for limits are available at level 3
      Then every level has the cgroup controllers "cpuset, cpu, memory, pids"
